import type { MachineFiles } from '../../host/machine-files.js'
import { readPageBytes } from '../../host/page-size.js'
import { DefinitionCache } from './definition-cache.js'
import { DiskBooks } from './disk-books.js'
import { GapBook } from './gap-book.js'
import type { DomainRef } from './procedures.js'
import { ProcessTable } from './process-table.js'
import { Quarantine } from './quarantine.js'

/** What the readers keep from pass to pass, and over a restart of libvirtd. */
export interface ReaderMemory {
  /** Of the machine that libvirt runs on. */
  readonly files: MachineFiles
  readonly procRoot: string
  readonly pageBytes: number
  /** Wall clock, milliseconds. */
  readonly now: () => number
  readonly definitions: DefinitionCache
  readonly processes: ProcessTable
  readonly disks: DiskBooks
  readonly gaps: GapBook
  /** Of calls that the VM has to answer. By `runKey`: a VM that was started anew is a new patient. */
  readonly monitorQuarantine: Quarantine
  /** Of calls that libvirtd answers by itself. */
  readonly infoQuarantine: Quarantine
  /** VMs whose monitor is being asked now, by `runKey`. */
  readonly asking: Map<string, Promise<unknown>>
}

export async function createReaderMemory({
  files,
  procRoot,
  now,
}: Pick<ReaderMemory, 'files' | 'procRoot' | 'now'>): Promise<ReaderMemory> {
  return {
    files,
    procRoot,
    pageBytes: await readPageBytes(procRoot, files),
    now,
    definitions: new DefinitionCache(files),
    processes: new ProcessTable(procRoot, files),
    disks: new DiskBooks(),
    gaps: new GapBook(),
    monitorQuarantine: new Quarantine(),
    infoQuarantine: new Quarantine(),
    asking: new Map(),
  }
}

/** Forgets all that is not among these domains. */
export function forgetAllBut(memory: ReaderMemory, domains: readonly DomainRef[]): void {
  const uuids = new Set(domains.map(({ uuid }) => uuid))
  const runs = new Set(domains.map(runKey))
  memory.gaps.keepOnly(uuids)
  memory.definitions.keepOnly(uuids)
  memory.disks.keepOnly(uuids)
  memory.monitorQuarantine.keepOnly(runs)
  memory.infoQuarantine.keepOnly(runs)
}

export function runKey({ uuid, id }: DomainRef): string {
  return `${uuid}/${id}`
}
