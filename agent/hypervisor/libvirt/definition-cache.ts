import { createHash } from 'node:crypto'

import type { MachineFiles } from '../../host/machine-files.js'
import type { VmFacts } from '../hypervisor.js'
import type { CallOptions, Caller } from './connection.js'
import { countsDirectIo } from './direct-io.js'
import { parseDomain, type DomainDefinition } from './domain-xml.js'
import { domainGetAutostart, domainGetXml, domainIsPersistent, xmlInactive, type DomainRef } from './procedures.js'
import { errorCode, LibvirtError } from './rpc-error.js'

/** What a VM is made of, and what is known around that. */
export interface VmDescription {
  readonly definition: DomainDefinition
  /** SHA-256 of the definition, as it will be at the next start where that can be asked. */
  readonly definitionHash?: string
  readonly autostart?: boolean
  readonly persistent?: boolean
}

export interface KnownDomain extends Required<VmDescription> {
  /** See `countsDirectIo`. */
  readonly isCounted: boolean
}

interface Entry {
  readonly domainId: number
  readonly readAtMs: number
  readonly known: KnownDomain
}

/** A change that no event tells of, such as autostart, shows after this long. */
const maxAgeMs = 600_000

interface Reading {
  readonly promise: Promise<KnownDomain | undefined>
  /** An event came while it was read: it must not be kept. */
  stale: boolean
}

/** Definitions of domains, read again only when something says that they changed. */
export class DefinitionCache {
  readonly #entries = new Map<string, Entry>()
  readonly #readings = new Map<string, Reading>()

  /** @param files of the machine that the domains run on */
  constructor(private readonly files: MachineFiles) {}

  /** @returns undefined if the domain is gone; rejects with what the calls and the parser throw */
  get(caller: Caller, domain: DomainRef, nowMs: number, options?: CallOptions): Promise<KnownDomain | undefined> {
    const entry = this.#entries.get(domain.uuid)
    if (entry !== undefined && entry.domainId === domain.id && nowMs - entry.readAtMs < maxAgeMs) {
      return Promise.resolve(entry.known)
    }
    const running = this.#readings.get(domain.uuid)
    if (running !== undefined) return running.promise
    const promise = readDomainOf(caller, domain, { ...options, files: this.files })
      .then((known) => {
        if (known !== undefined && !reading.stale) {
          this.#entries.set(domain.uuid, { domainId: domain.id, readAtMs: nowMs, known })
        }
        return known
      })
      .finally(() => {
        if (this.#readings.get(domain.uuid) === reading) this.#readings.delete(domain.uuid)
      })
    const reading: Reading = { promise, stale: false }
    this.#readings.set(domain.uuid, reading)
    return promise
  }

  /** The domain changed. */
  invalidate(uuid: string): void {
    this.#entries.delete(uuid)
    const reading = this.#readings.get(uuid)
    if (reading !== undefined) reading.stale = true
    this.#readings.delete(uuid)
  }

  /** Anything may have changed: the daemon was away. */
  invalidateAll(): void {
    for (const uuid of [...this.#entries.keys(), ...this.#readings.keys()]) this.invalidate(uuid)
  }

  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#entries.keys()) if (!uuids.has(uuid)) this.#entries.delete(uuid)
  }
}

async function readDomainOf(
  caller: Caller,
  domain: DomainRef,
  { files, ...options }: CallOptions & { readonly files: MachineFiles },
): Promise<KnownDomain | undefined> {
  try {
    const [xml, inactive, persistent] = await Promise.all([
      domainGetXml(caller, domain, 0, options),
      domainGetXml(caller, domain, xmlInactive, options),
      domainIsPersistent(caller, domain, options),
    ])
    // Only a domain that is defined can start by itself.
    const autostart = persistent && (await domainGetAutostart(caller, domain, options))
    const definition = parseDomain(xml)
    return {
      definition,
      definitionHash: createHash('sha256').update(inactive).digest('hex'),
      autostart,
      persistent,
      isCounted: await countsDirectIo(files, definition.disks),
    }
  } catch (error) {
    if (error instanceof LibvirtError && error.code === errorCode.noDomain) return undefined
    throw error
  }
}

/** A VM as its definition says; only its disks take more than that to describe. */
export function vmFactsOf(uuid: string, described: VmDescription, disks: VmFacts['disks']): VmFacts {
  const { definition, definitionHash, autostart, persistent } = described
  return {
    uuid,
    name: definition.name,
    vcpus: definition.vcpus,
    memoryMaxBytes: definition.memoryMaxBytes,
    disks,
    nics: definition.nics,
    ...(autostart === undefined ? {} : { autostart }),
    ...(persistent === undefined ? {} : { persistent }),
    ...(definition.osType === undefined ? {} : { osType: definition.osType }),
    ...(definition.metadata === undefined ? {} : { metadata: definition.metadata }),
    ...(definitionHash === undefined ? {} : { definitionHash }),
  }
}
