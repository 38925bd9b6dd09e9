import { readFile } from 'node:fs/promises'

/**
 * The first line of a file, read at each use, so that a new secret needs no restart.
 * @throws Error that names the file: it cannot be read, or its first line is empty
 */
export async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw new Error(`${path}: the first line is empty, a secret was expected`)
  return line
}
