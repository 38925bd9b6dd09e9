import { z } from 'zod'

/** Who makes a request. The only role so far may do everything. */
export interface Caller {
  readonly name: string
  readonly role: 'admin'
  readonly via: 'token' | 'session'
  readonly expiresAt: number | undefined
}

/** A token or session as the state store keeps it, under the hash of its secret. */
export const grantSchema = z.object({
  name: z.string().max(200),
  role: z.literal('admin'),
  createdAt: z.number(),
  expiresAt: z.number().optional(),
})
export type Grant = z.infer<typeof grantSchema>
