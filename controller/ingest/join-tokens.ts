import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import { z } from 'zod'

import type { Tx } from '../store/state-store.js'

/** More than anybody waits for; a token that is not used ends by itself. */
const mostJoinTokens = 1000

const joinTokenRow = z.object({
  secretHash: z.string(),
  expiresAt: z.number(),
  /** The agent gets the hosts that it names in its request, or any at all. */
  grant: z.enum(['named', 'any']),
  /** Names or ids of the only hosts that it may get; absent: whichever it names. */
  hosts: z.array(z.string()).optional(),
  note: z.string(),
})
type JoinTokenRow = z.infer<typeof joinTokenRow>

/** A token that waits to be used; the secret is not kept. */
export interface JoinToken {
  readonly id: string
  readonly expiresAt: number
  readonly grant: 'named' | 'any'
  readonly hosts: readonly string[]
  readonly note: string
}

/** A host that an agent asks to speak for. */
export interface ClaimedHost {
  readonly hostId: string
  readonly name: string
}

export interface JoinTokenOptions {
  readonly now: number
  readonly validMs: number
  readonly grant: 'named' | 'any'
  /** Names or ids; a name without a dot also stands for a machine that gives its name with its domain. */
  readonly hosts?: readonly string[]
  readonly note: string
}

/** There are as many unused tokens as may be. */
export class TooManyJoinTokens extends Error {
  override readonly name = 'TooManyJoinTokens'
}

/** Puts a new token down, by the hash of its secret. Gives its id and the secret. */
export async function addJoinToken(
  tx: Tx,
  { now, validMs, grant, hosts = [], note }: JoinTokenOptions,
): Promise<{ readonly id: string; readonly secret: string }> {
  const waiting = await sweep(tx, now)
  if (waiting.length >= mostJoinTokens) throw new TooManyJoinTokens(`${mostJoinTokens} join tokens wait to be used`)
  // Hexadecimal: a word that begins with a dash would be taken for an option on command lines.
  const id = randomBytes(4).toString('hex')
  const secret = randomBytes(24).toString('base64url')
  const row: JoinTokenRow = {
    secretHash: hash(secret),
    expiresAt: now + validMs,
    grant,
    ...(hosts.length > 0 && { hosts: [...hosts] }),
    note,
  }
  await tx.put('joinTokens', id, row)
  return { id, secret }
}

/** The tokens that can be used, those that end first first. */
export async function listJoinTokens(tx: Tx, now: number): Promise<readonly JoinToken[]> {
  const waiting = await sweep(tx, now)
  return waiting
    .map(({ id, row: { expiresAt, grant, hosts = [], note } }) => ({ id, expiresAt, grant, hosts, note }))
    .toSorted((a, b) => a.expiresAt - b.expiresAt)
}

/** A token that does not do, and what its holder has to know of it. */
export type RefusedToken =
  | { readonly status: 'refused'; readonly reason: 'unknown-token' }
  | { readonly status: 'refused'; readonly reason: 'expired-token'; readonly expiredAt: number }
  | { readonly status: 'refused'; readonly reason: 'host-not-in-token'; readonly hosts: readonly string[] }

export type CheckedToken = { readonly status: 'good'; readonly grant: 'any' | readonly ClaimedHost[] } | RefusedToken

/** What a token grants for these hosts. It is not used up by this: who makes an agent of it removes it in the same transaction. */
export async function checkJoinToken(
  tx: Tx,
  { id, secret }: { readonly id: string; readonly secret: string },
  claimed: readonly ClaimedHost[],
  now: number,
): Promise<CheckedToken> {
  const found = joinTokenRow.safeParse(await tx.get('joinTokens', id))
  const expected = found.success ? found.data.secretHash : hash('no such token')
  const matches = timingSafeEqual(Buffer.from(expected), Buffer.from(hash(secret)))
  if (!found.success || !matches) return { status: 'refused', reason: 'unknown-token' }
  const { expiresAt, grant, hosts } = found.data
  if (expiresAt < now) {
    await tx.delete('joinTokens', id)
    return { status: 'refused', reason: 'expired-token', expiredAt: expiresAt }
  }
  const granted = hosts === undefined ? claimed : claimed.filter((host) => isNamed(host, hosts))
  if (hosts !== undefined && granted.length === 0) return { status: 'refused', reason: 'host-not-in-token', hosts }
  return { status: 'good', grant: grant === 'any' ? 'any' : granted }
}

/** The parts of a token as it is handed out; undefined if it has another form. */
export function parseJoinToken(token: string): { readonly id: string; readonly secret: string } | undefined {
  const match = /^([\w-]{8})\.([\w-]{32})(?:\.[\w-]{1,64}){1,4}$/.exec(token.length > 500 ? '' : token)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { id: match[1], secret: match[2] }
}

function isNamed({ hostId, name }: ClaimedHost, hosts: readonly string[]): boolean {
  const full = name.toLowerCase()
  const short = full.split('.')[0] ?? full
  return hosts.some((host) => host === hostId || host.toLowerCase() === full || host.toLowerCase() === short)
}

/** Removes what has expired or cannot be read; gives the rest. */
async function sweep(tx: Tx, now: number): Promise<readonly { readonly id: string; readonly row: JoinTokenRow }[]> {
  const waiting: { id: string; row: JoinTokenRow }[] = []
  for (const { key, value } of await tx.list('joinTokens')) {
    const row = joinTokenRow.safeParse(value)
    if (row.success && row.data.expiresAt >= now) waiting.push({ id: key, row: row.data })
    else await tx.delete('joinTokens', key)
  }
  return waiting
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
