import { hasProcess } from '../libvirt/domain-state.js'
import type { ToolDomain } from './tool-domain.js'
import type { ListedRow } from './tool-list.js'
import type { Domain, DomainCpu, DomainFigures, DomainList } from './toolstack.js'

/** As libvirt and xm name it; xl has none for it. */
const dom0Uuid = '00000000-0000-0000-0000-000000000000'

interface Told {
  readonly domain: Domain
  readonly figures: DomainFigures
}

/** The rows of a short list as domains, with what is known of who they are. All figures are there at once. */
export function toDomainList(
  rows: readonly ListedRow[],
  definitionOf: (row: ListedRow) => ToolDomain | undefined,
): DomainList {
  const byUuid = new Map<string, Told>()
  const others: DomainCpu[] = []
  const isOther = ({ domain, figures }: Told): void => {
    if (domain.id > 0) others.push({ id: domain.id, cpuSeconds: figures.cpuSeconds ?? 0 })
  }
  let dom0: Domain | undefined
  for (const row of rows) {
    const known = row.id === 0 ? undefined : definitionOf(row)
    const uuid = row.id === 0 ? dom0Uuid : known?.uuid
    const isDoubtful = known !== undefined && isCalledOtherwise(row, known)
    const domain: Domain = {
      id: row.id ?? -1,
      name: row.name ?? known?.name ?? '',
      uuid: uuid ?? '',
      ...(isDoubtful && { isDoubtful }),
    }
    const told: Told = { domain, figures: figuresOf(row, known) }
    if (row.id === 0) dom0 = domain
    const before = byUuid.get(domain.uuid)
    if (uuid === undefined) isOther(told)
    else if (before === undefined) byUuid.set(uuid, told)
    else {
      // One that comes in from this very host is there twice for a while: the one that runs is the VM.
      const isNow = goesBefore(told, before)
      byUuid.set(uuid, isNow ? told : before)
      isOther(isNow ? before : told)
    }
  }
  return {
    dom0,
    guests: [...byUuid.values()].map(({ domain }) => domain).filter((domain) => domain !== dom0),
    others,
    figures: ({ uuid }) => Promise.resolve(byUuid.get(uuid)?.figures ?? 'gone'),
  }
}

/** A VM got another name, or its number is another VM's since the host was booted anew. */
export function isCalledOtherwise({ name }: ListedRow, known: ToolDomain): boolean {
  return name !== undefined && name !== known.name
}

function goesBefore(one: Told, other: Told): boolean {
  if (one.domain.id < 0) return false
  const { state } = other.figures
  return other.domain.id < 0 || !hasProcess(state) || (state !== 'running' && one.figures.state === 'running')
}

function figuresOf(row: ListedRow, known: ToolDomain | undefined): DomainFigures {
  const { state, cpuSeconds, vcpus, memoryBytes, id } = row
  if (id === undefined) return { state, stateReason: 'unknown' }
  const memoryMaxBytes = known?.memoryMaxBytes ?? 0
  return {
    state,
    stateReason: 'unknown',
    cpuSeconds,
    vcpus,
    memoryBytes,
    ...(memoryMaxBytes > 0 ? { memoryMaxBytes } : {}),
  }
}
