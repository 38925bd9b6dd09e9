import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'

/** Reads a JSON file; undefined if it is missing or damaged, which is the same to the caller: there is nothing to go on from. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Replaces a JSON file whole or not at all. @throws the file system's errors */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(value))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
