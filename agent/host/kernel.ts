import type { TextReader } from './text-reader.js'

/** Changes at each boot; undefined where the kernel does not tell. */
export function readBootId(procRoot: string, reader: TextReader): string | undefined {
  const text = reader.readIfThere(`${procRoot}/sys/kernel/random/boot_id`)
  return text === undefined ? undefined : parseBootId(text)
}

/** `6.1.0-28-amd64`. */
export function readKernelRelease(procRoot: string, reader: TextReader): string | undefined {
  const text = reader.readIfThere(`${procRoot}/sys/kernel/osrelease`)
  return text === undefined ? undefined : parseKernelRelease(text)
}

/** A UUID in lower case. */
export function parseBootId(text: string): string | undefined {
  const id = text.trim().toLowerCase()
  return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(id) ? id : undefined
}

export function parseKernelRelease(text: string): string | undefined {
  const release = text.trim()
  return /^[\x21-\x7e]{1,128}$/.test(release) ? release : undefined
}
