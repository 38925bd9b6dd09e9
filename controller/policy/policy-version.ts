import { createHash } from 'node:crypto'

import { z } from 'zod'

/** A policy that was in force, as the state store keeps it. */
export const storedVersionSchema = z.object({
  /** Counts up from 1. */
  number: z.int().min(1),
  /** When it came into force. */
  at: z.number(),
  /** SHA-256 of its text, hexadecimal. */
  hash: z.string(),
  text: z.string(),
  /** The file of the configuration, and what it was a link to, if it was one. */
  file: z.string(),
  linkTarget: z.string().optional(),
  /** When the file was written, and whose it is. */
  modifiedAt: z.number(),
  author: z.string(),
  /** `start`: the controller found it as it started. `change`: it came while the controller ran. */
  occasion: z.enum(['start', 'change']),
})

export type StoredVersion = z.infer<typeof storedVersionSchema>
/** Without the text. */
export type PolicyVersion = Omit<StoredVersion, 'text'>

export function policyHash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
