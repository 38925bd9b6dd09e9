import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

import { cacheDirectory } from '../../support/guest/guest-image.js'

const run = promisify(execFile)

const flags = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror']
const programs = {
  'array-fs': {
    sources: ['array-fs.c', 'write-back.c'],
    libraries: ['-I/usr/include/fuse3', '-lfuse3', '-lpthread', '-lm'],
  },
  replay: { sources: ['replay.c', 'write-back.c'], libraries: ['-lm'] },
} as const

/** Why the lab's array cannot be built here; undefined if it can. */
export function arrayMissing(): string | undefined {
  const needed = ['/usr/bin/gcc', '/usr/include/fuse3/fuse_lowlevel.h']
  const missing = needed.filter((file) => !existsSync(file))
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')}`
}

/** The path of a program of the lab's array: built, or taken from the cache. @throws with what the compiler says */
export async function arrayProgram(name: keyof typeof programs): Promise<string> {
  const { sources, libraries } = programs[name]
  const files = [...sources, 'write-back.h'].map((file) => path.join(import.meta.dirname, file))
  const hash = createHash('sha256').update([...flags, ...libraries].join(' '))
  for (const file of files) hash.update(await readFile(file))
  const program = path.join(cacheDirectory, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return program
  await mkdir(cacheDirectory, { recursive: true })
  const work = await mkdtemp(path.join(cacheDirectory, 'build-'))
  try {
    const made = path.join(work, name)
    await run('/usr/bin/gcc', [...flags, '-o', made, ...files.slice(0, -1), ...libraries])
    await rename(made, program)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return program
}
