import { readdirSync } from 'node:fs'
import { readdir, readFile, readlink, realpath, stat, statfs } from 'node:fs/promises'

import type { MachineFiles } from './machine-files.js'
import { createTextReader } from './text-reader.js'

/** The files of the machine that this process runs on. */
export function createLocalFiles(): MachineFiles {
  return {
    ...createTextReader(),
    names: (path) => readdirSync(path),
    readFile: (path) => readFile(path),
    readDirectory: (path) => readdir(path),
    realPath: (path) => realpath(path),
    linkTarget: (path) => readlink(path),
    async deviceNumbers(path) {
      const found = await stat(path, { bigint: true })
      const under = numberOf(found.dev)
      return found.isBlockDevice() ? { own: numberOf(found.rdev), under } : { under }
    },
    statfs: (path) => statfs(path, { bigint: true }),
    fileSystemType: async (path) => (await statfs(path)).type,
  }
}

/** Major and minor number as makedev(3) of glibc packs them. */
export function numberOf(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n)
  return `${major}:${minor}`
}
