import type { CallOptions, Caller } from './connection.js'
import { readTypedParameters, writeUnsignedParameters, type TypedParameters } from './typed-parameters.js'
import { toNumber, XdrError, XdrWriter, type XdrReader } from './xdr.js'

/**
 * Those of libvirt's calls that are used, by name and type.
 * Source of numbers, arguments and limits: libvirt's remote_protocol.x.
 */
export const procedure = {
  open: 1,
  getType: 3,
  getVersion: 4,
  nodeGetInfo: 6,
  getCapabilities: 7,
  domainCreate: 9,
  domainDestroy: 12,
  domainGetXml: 14,
  domainGetAutostart: 15,
  domainGetInfo: 16,
  domainLookupByUuid: 24,
  domainReboot: 27,
  domainResume: 28,
  domainSetAutostart: 29,
  domainShutdown: 33,
  domainSuspend: 34,
  supportsFeature: 60,
  authList: 66,
  authPolkit: 70,
  nodeGetFreeMemory: 102,
  domainIsPersistent: 151,
  getLibVersion: 157,
  compareCpu: 158,
  domainMemoryStats: 159,
  domainGetJobInfo: 163,
  domainAbortJob: 164,
  domainManagedSave: 182,
  domainHasManagedSave: 183,
  domainGetBlockInfo: 194,
  domainSetVcpus: 199,
  domainSetMemory: 204,
  domainGetState: 212,
  domainUndefineFlags: 231,
  domainBlockStatsFlags: 243,
  domainReset: 245,
  domainSetBlockIoTune: 252,
  domainGetBlockIoTune: 253,
  listAllDomains: 273,
  domainGetJobStats: 298,
  domainMigratePerform3Params: 305,
  domainSetStatisticsPeriod: 308,
  eventRegister: 316,
  eventLifecycle: 318,
  eventBalloonChange: 331,
  getAllDomainStats: 344,
} as const

export const authType = { none: 0, sasl: 1, polkit: 2 } as const
export const feature = { keepAlive: 10 } as const
/** VIR_DOMAIN_STATS_*. */
export const statsGroup = { state: 1, vcpu: 8, interface: 16 } as const
/** VIR_DOMAIN_XML_INACTIVE: as it will be at the next start. */
export const xmlInactive = 2
/** VIR_DOMAIN_XML_SECURE: with passwords; only over the socket that may act. */
export const xmlSecure = 1
/** VIR_DOMAIN_UNDEFINE_KEEP_NVRAM: what its firmware remembers stays, as its disks do. */
const keepNvram = 8
/** VIR_DOMAIN_EVENT_ID_*. */
export const eventId = {
  lifecycle: 0,
  diskChange: 9,
  trayChange: 10,
  balloonChange: 13,
  deviceRemoved: 15,
  deviceAdded: 19,
  metadataChange: 23,
} as const
/** VIR_DOMAIN_MEMORY_STAT_*. Sizes in KiB, faults as a count, lastUpdate in seconds since the epoch. */
export const memoryStat = {
  swapIn: 0,
  swapOut: 1,
  majorFault: 2,
  unused: 4,
  available: 5,
  rss: 7,
  usable: 8,
  lastUpdate: 9,
} as const

/** VIR_DOMAIN_AFFECT_*: this run, its definition. */
export const affect = { live: 1, config: 2 } as const

const limits = {
  ioTune: 32,
  domains: 16_384,
  domainStats: 262_144,
  blockStats: 16,
  memoryStats: 1024,
  authTypes: 20,
  jobStats: 64,
} as const
const openReadOnly = 1
const uuidBytes = 16
/** An empty name, a UUID, an id. */
const domainBytes = 24

/** A domain as libvirt names it. */
export interface DomainRef {
  readonly name: string
  readonly uuid: string
  /** Number of this run; -1 while it is off. */
  readonly id: number
}

export interface DomainStats {
  readonly domain: DomainRef
  readonly parameters: TypedParameters
}

export interface DomainInfo {
  readonly state: number
  readonly maxMemoryKib: bigint
  readonly memoryKib: bigint
  readonly vcpus: number
  readonly cpuNanoseconds: bigint
}

export interface NodeInfo {
  readonly model: string
  readonly memoryKib: bigint
  readonly cpus: number
  readonly mhz: number
  readonly numaNodes: number
  readonly sockets: number
  readonly cores: number
  readonly threads: number
}

export interface BlockInfo {
  readonly allocationBytes: bigint
  readonly capacityBytes: bigint
  readonly physicalBytes: bigint
}

const nothing = Buffer.alloc(0)

export async function authList(caller: Caller): Promise<readonly number[]> {
  const reply = await caller.call(procedure.authList, nothing)
  return reply.array(limits.authTypes, 4, (item) => item.int())
}

export async function authPolkit(caller: Caller): Promise<void> {
  await caller.call(procedure.authPolkit, nothing)
}

export async function supportsFeature(caller: Caller, which: number): Promise<boolean> {
  const reply = await caller.call(procedure.supportsFeature, new XdrWriter().int(which).bytes())
  return reply.bool()
}

/** Opens a driver. */
export async function openUri(caller: Caller, uri: string, access: 'read' | 'write'): Promise<void> {
  const flags = access === 'read' ? openReadOnly : 0
  const args = new XdrWriter().optional(uri, (writer, value) => writer.string(value)).uint(flags)
  await caller.call(procedure.open, args.bytes())
}

export async function getType(caller: Caller): Promise<string> {
  return (await caller.call(procedure.getType, nothing)).string()
}

export async function getVersion(caller: Caller): Promise<string> {
  return versionText((await caller.call(procedure.getVersion, nothing)).unsignedHyper())
}

export async function getLibVersion(caller: Caller): Promise<string> {
  return versionText((await caller.call(procedure.getLibVersion, nothing)).unsignedHyper())
}

export async function getCapabilities(caller: Caller): Promise<string> {
  return (await caller.call(procedure.getCapabilities, nothing)).string()
}

export async function nodeGetInfo(caller: Caller): Promise<NodeInfo> {
  const reply = await caller.call(procedure.nodeGetInfo, nothing)
  // XDR has no bytes: each character of the fixed array is a word.
  const characters = Array.from({ length: 32 }, () => reply.int() & 0xff)
  const end = characters.indexOf(0)
  return {
    model: String.fromCodePoint(...characters.slice(0, end < 0 ? undefined : end)),
    memoryKib: reply.unsignedHyper(),
    cpus: reply.int(),
    mhz: reply.int(),
    numaNodes: reply.int(),
    sockets: reply.int(),
    cores: reply.int(),
    threads: reply.int(),
  }
}

/** Memory that no domain has, bytes, from drivers that hand memory out themselves. */
export async function nodeGetFreeMemory(caller: Caller, options?: CallOptions): Promise<bigint> {
  return (await caller.call(procedure.nodeGetFreeMemory, nothing, options)).unsignedHyper()
}

/** All domains, running or not. */
export async function listAllDomains(caller: Caller, options?: CallOptions): Promise<readonly DomainRef[]> {
  const reply = await caller.call(procedure.listAllDomains, new XdrWriter().int(1).uint(0).bytes(), options)
  return reply.array(limits.domains, domainBytes, readDomain)
}

/** @param domains those to ask for; none means all, running or not */
export async function getDomainStats(
  caller: Caller,
  domains: readonly DomainRef[],
  groups: number,
  options?: CallOptions,
): Promise<readonly DomainStats[]> {
  const args = new XdrWriter().array(domains, writeDomain).uint(groups).uint(0)
  const reply = await caller.call(procedure.getAllDomainStats, args.bytes(), options)
  return reply.array(limits.domains, domainBytes + 4, (item) => ({
    domain: readDomain(item),
    parameters: readTypedParameters(item, limits.domainStats),
  }))
}

export async function domainGetXml(
  caller: Caller,
  domain: DomainRef,
  flags: number,
  options?: CallOptions,
): Promise<string> {
  const args = writeDomain(new XdrWriter(), domain).uint(flags)
  return (await caller.call(procedure.domainGetXml, args.bytes(), options)).string()
}

export async function domainGetAutostart(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<boolean> {
  return (await caller.call(procedure.domainGetAutostart, domainArgs(domain), options)).bool()
}

export async function domainIsPersistent(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<boolean> {
  return (await caller.call(procedure.domainIsPersistent, domainArgs(domain), options)).bool()
}

export async function domainGetInfo(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<DomainInfo> {
  const reply = await caller.call(procedure.domainGetInfo, domainArgs(domain), options)
  return {
    state: reply.uint(),
    maxMemoryKib: reply.unsignedHyper(),
    memoryKib: reply.unsignedHyper(),
    vcpus: reply.uint(),
    cpuNanoseconds: reply.unsignedHyper(),
  }
}

export async function domainGetState(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<number> {
  return (await domainGetStateAndReason(caller, domain, options)).state
}

export async function domainGetStateAndReason(
  caller: Caller,
  domain: DomainRef,
  options?: CallOptions,
): Promise<{ readonly state: number; readonly reason: number }> {
  const args = writeDomain(new XdrWriter(), domain).uint(0)
  const reply = await caller.call(procedure.domainGetState, args.bytes(), options)
  return { state: reply.int(), reason: reply.int() }
}

/** @param disk the target's name in the guest, such as vda */
export async function domainBlockStats(caller: Caller, domain: DomainRef, disk: string): Promise<TypedParameters> {
  const args = writeDomain(new XdrWriter(), domain).string(disk).int(limits.blockStats).uint(0)
  return readTypedParameters(await caller.call(procedure.domainBlockStatsFlags, args.bytes()), limits.blockStats)
}

/** Values by `memoryStat`. */
export async function domainMemoryStats(caller: Caller, domain: DomainRef): Promise<ReadonlyMap<number, bigint>> {
  const args = writeDomain(new XdrWriter(), domain).uint(64).uint(0)
  const reply = await caller.call(procedure.domainMemoryStats, args.bytes())
  return new Map(reply.array(limits.memoryStats, 12, (item) => [item.int(), item.unsignedHyper()]))
}

export async function domainGetBlockInfo(caller: Caller, domain: DomainRef, disk: string): Promise<BlockInfo> {
  const args = writeDomain(new XdrWriter(), domain).string(disk).uint(0)
  const reply = await caller.call(procedure.domainGetBlockInfo, args.bytes())
  return {
    allocationBytes: reply.unsignedHyper(),
    capacityBytes: reply.unsignedHyper(),
    physicalBytes: reply.unsignedHyper(),
  }
}

export async function domainLookupByUuid(caller: Caller, uuid: string, options?: CallOptions): Promise<DomainRef> {
  const args = new XdrWriter().opaque(uuidFromText(uuid))
  return readDomain(await caller.call(procedure.domainLookupByUuid, args.bytes(), options))
}

const actions = {
  start: { number: procedure.domainCreate, hasFlags: false },
  shutdown: { number: procedure.domainShutdown, hasFlags: false },
  reboot: { number: procedure.domainReboot, hasFlags: true },
  reset: { number: procedure.domainReset, hasFlags: true },
  destroy: { number: procedure.domainDestroy, hasFlags: false },
  suspend: { number: procedure.domainSuspend, hasFlags: false },
  resume: { number: procedure.domainResume, hasFlags: false },
} as const

/** Acts on a domain; by ACPI or as the driver thinks best where the guest is asked. */
export async function domainAct(
  caller: Caller,
  domain: DomainRef,
  action: keyof typeof actions,
  options?: CallOptions,
): Promise<void> {
  const { number, hasFlags } = actions[action]
  const args = writeDomain(new XdrWriter(), domain)
  await caller.call(number, (hasFlags ? args.uint(0) : args).bytes(), options)
}

export async function domainSetAutostart(
  caller: Caller,
  domain: DomainRef,
  enabled: boolean,
  options?: CallOptions,
): Promise<void> {
  await caller.call(procedure.domainSetAutostart, writeDomain(new XdrWriter(), domain).bool(enabled).bytes(), options)
}

/** Limits of a disk's I/O in this run, by name. */
export async function domainGetBlockIoTune(
  caller: Caller,
  domain: DomainRef,
  disk: string,
  options?: CallOptions,
): Promise<TypedParameters> {
  const args = writeDomain(new XdrWriter(), domain)
    .optional(disk, (writer, value) => writer.string(value))
    .int(limits.ioTune)
    .uint(affect.live)
  return readTypedParameters(await caller.call(procedure.domainGetBlockIoTune, args.bytes(), options), limits.ioTune)
}

/** Sets limits of a disk's I/O in this run. */
export async function domainSetBlockIoTune(
  caller: Caller,
  domain: DomainRef,
  disk: string,
  values: ReadonlyMap<string, bigint>,
  options?: CallOptions,
): Promise<void> {
  const args = writeDomain(new XdrWriter(), domain).string(disk)
  writeUnsignedParameters(args, values).uint(affect.live)
  await caller.call(procedure.domainSetBlockIoTune, args.bytes(), options)
}

/** @param flags of `affect` */
export async function domainSetMemory(
  caller: Caller,
  domain: DomainRef,
  kib: number,
  flags: number,
  options?: CallOptions,
): Promise<void> {
  const args = writeDomain(new XdrWriter(), domain).unsignedHyper(BigInt(kib)).uint(flags)
  await caller.call(procedure.domainSetMemory, args.bytes(), options)
}

/** @param flags of `affect`, and VIR_DOMAIN_VCPU_* */
export async function domainSetVcpus(
  caller: Caller,
  domain: DomainRef,
  count: number,
  flags: number,
  options?: CallOptions,
): Promise<void> {
  await caller.call(
    procedure.domainSetVcpus,
    writeDomain(new XdrWriter(), domain).uint(count).uint(flags).bytes(),
    options,
  )
}

/** How often the balloon tells of the guest's memory; 0: never. @param flags of `affect` */
export async function domainSetStatisticsPeriod(
  caller: Caller,
  domain: DomainRef,
  seconds: number,
  flags: number,
  options?: CallOptions,
): Promise<void> {
  const args = writeDomain(new XdrWriter(), domain).int(seconds).uint(flags)
  await caller.call(procedure.domainSetStatisticsPeriod, args.bytes(), options)
}

/** Forgets a domain that is off; refused where it has a saved state or snapshots. */
export async function domainUndefine(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<void> {
  const args = writeDomain(new XdrWriter(), domain).uint(keepNvram)
  await caller.call(procedure.domainUndefineFlags, args.bytes(), options)
}

/** Resolves when all is saved and the domain has ended. */
export async function domainManagedSave(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<void> {
  await caller.call(procedure.domainManagedSave, writeDomain(new XdrWriter(), domain).uint(0).bytes(), options)
}

export async function domainHasManagedSave(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<boolean> {
  const args = writeDomain(new XdrWriter(), domain).uint(0)
  return (await caller.call(procedure.domainHasManagedSave, args.bytes(), options)).bool()
}

/** Breaks off the job that is under way. */
export async function domainAbortJob(caller: Caller, domain: DomainRef, options?: CallOptions): Promise<void> {
  await caller.call(procedure.domainAbortJob, domainArgs(domain), options)
}

/** How far the job is that is under way; 0 of 0 if there is none. */
export async function domainGetJobBytes(
  caller: Caller,
  domain: DomainRef,
  options?: CallOptions,
): Promise<{ readonly doneBytes: number; readonly totalBytes: number }> {
  const reply = await caller.call(procedure.domainGetJobInfo, domainArgs(domain), options)
  reply.int() // its kind
  reply.unsignedHyper() // since its beginning
  reply.unsignedHyper() // until its end
  const totalBytes = toNumber(reply.unsignedHyper())
  return { totalBytes, doneBytes: toNumber(reply.unsignedHyper()) }
}

/** VIR_MIGRATE_*. Post-copy, RDMA, forced moves and copies of disks are left out on purpose. */
export const migrateFlag = {
  live: 1,
  /** The source's daemon drives it, with a keep-alive of its own to the target's. */
  peerToPeer: 2,
  persistAtTarget: 8,
  /** The guest is not let go on at the target. */
  paused: 32,
  abortOnError: 4096,
  autoConverge: 8192,
  encrypted: 65_536,
} as const

/** Moves a domain to the daemon at that URI; resolves when it is over there. */
export async function domainMigratePeerToPeer(
  caller: Caller,
  domain: DomainRef,
  {
    uri,
    parameters,
    flags,
  }: { readonly uri: string; readonly parameters: ReadonlyMap<string, bigint>; readonly flags: number },
  options?: CallOptions,
): Promise<void> {
  const args = writeDomain(new XdrWriter(), domain).optional(uri, (writer, value) => writer.string(value))
  writeUnsignedParameters(args, parameters).uint(0).uint(flags)
  await caller.call(procedure.domainMigratePerform3Params, args.bytes(), options)
}

/** Figures of the job that is under way, by libvirt's names (`memory_remaining`); type 0: there is none. */
export async function domainGetJobStats(
  caller: Caller,
  domain: DomainRef,
  options?: CallOptions,
): Promise<{ readonly type: number; readonly parameters: TypedParameters }> {
  const args = writeDomain(new XdrWriter(), domain).uint(0)
  const reply = await caller.call(procedure.domainGetJobStats, args.bytes(), options)
  return { type: reply.int(), parameters: readTypedParameters(reply, limits.jobStats) }
}

/** How the CPU of a definition stands to the host's: 0 is one that cannot run here. */
export async function compareCpu(caller: Caller, cpuXml: string, options?: CallOptions): Promise<number> {
  return (await caller.call(procedure.compareCpu, new XdrWriter().string(cpuXml).uint(0).bytes(), options)).int()
}

/** Asks for an event of all domains. @returns the number that its messages carry */
export async function registerEvent(caller: Caller, event: number): Promise<number> {
  const args = new XdrWriter().int(event).bool(false)
  return (await caller.call(procedure.eventRegister, args.bytes())).int()
}

export function readDomain(reader: XdrReader): DomainRef {
  return { name: reader.string(), uuid: uuidText(reader.opaque(uuidBytes)), id: reader.int() }
}

function writeDomain(writer: XdrWriter, { name, uuid, id }: DomainRef): XdrWriter {
  return writer.string(name).opaque(uuidFromText(uuid)).int(id)
}

function domainArgs(domain: DomainRef): Buffer {
  return writeDomain(new XdrWriter(), domain).bytes()
}

function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function uuidFromText(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex')
  if (bytes.length !== uuidBytes) throw new XdrError(`${text} is no UUID`)
  return bytes
}

/** libvirt packs a version as major × 10^6 + minor × 10^3 + release. */
function versionText(packed: bigint): string {
  return `${packed / 1_000_000n}.${(packed / 1000n) % 1000n}.${packed % 1000n}`
}
