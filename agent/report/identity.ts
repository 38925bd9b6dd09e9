import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

const stored = z.object({
  agentId: z.string().min(1),
  certificatePem: z.string().min(1),
  privateKeyPem: z.string().min(1),
  /** The authorities that a controller's certificate may come from, newest first. */
  caPem: z.string().min(1),
  /** host:port of the controller that it joined. */
  controller: z.string().optional(),
})

/** Who this agent is to its controller. The key was made here and never leaves. */
export type Identity = z.infer<typeof stored>

const fileName = 'identity.json'

/** @returns undefined before the first enrolment */
export async function loadIdentity(dataDir: string): Promise<Identity | undefined> {
  let text: string
  try {
    text = await readFile(join(dataDir, fileName), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return stored.parse(JSON.parse(text))
}

/** Written whole or not at all, readable by its owner only. */
export async function saveIdentity(dataDir: string, identity: Identity): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, fileName)
  await writeFile(`${path}.new`, JSON.stringify(identity), { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}

/** Each of the authorities, PEM. */
export function authoritiesOf({ caPem }: Pick<Identity, 'caPem'>): readonly string[] {
  return caPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

/** PEM of DER bytes. */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
