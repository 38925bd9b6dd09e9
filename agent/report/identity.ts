import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { propertyOf } from '../../common/property-of.js'
import { errorCode } from '../../common/error-code.js'
import { makeDirectoryDurably, writeDurably } from '../../common/durable-file.js'

/** Who this agent is to its controller. The key was made here and never leaves. */
export interface Identity {
  readonly agentId: string
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** The authorities that a controller's certificate may come from, newest first. */
  readonly caPem: string
  /** host:port of the controller that it joined. */
  readonly controller?: string | undefined
}

const fileName = 'identity.json'

/**
 * @returns undefined before the first enrolment
 * @throws Error naming the file, and what is missing in it
 */
export async function loadIdentity(dataDir: string): Promise<Identity | undefined> {
  const file = join(dataDir, fileName)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  return identityIn(text, file)
}

/** Checked by hand: this is read by the agent that runs all day, which does without the library for schemas. */
function identityIn(text: string, file: string): Identity {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error(`${file}: expected JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  const field = (name: keyof Identity): string => {
    const found = propertyOf(value, name)
    if (typeof found === 'string' && found !== '') return found
    throw new Error(`${file}: ${name}: expected a text, got ${found === '' ? 'an empty one' : typeof found}`)
  }
  const hasController = typeof value === 'object' && value !== null && 'controller' in value
  return {
    agentId: field('agentId'),
    certificatePem: field('certificatePem'),
    privateKeyPem: field('privateKeyPem'),
    caPem: field('caPem'),
    ...(hasController ? { controller: field('controller') } : {}),
  }
}

/** Written whole or not at all, readable by its owner only. Durable at once: the join token that bought it is used up. */
export async function saveIdentity(dataDir: string, identity: Identity): Promise<void> {
  makeDirectoryDurably(dataDir)
  await writeDurably(join(dataDir, fileName), JSON.stringify(identity))
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
