import { openEsxi, type EsxiOptions } from '../../agent/hypervisor/esxi/driver.js'
import type { DiskRaw, Hypervisor, Inventory, Sample, VmRaw } from '../../agent/hypervisor/hypervisor.js'

/** Looks at a vSphere server through the driver, and says of each thing that can be told from outside whether it is as it should be. */
export interface EsxiCheck {
  readonly options: EsxiOptions
  /** Of the server, of 20 s each. */
  readonly intervals: number
  /** Lets time pass. */
  readonly pause: (ms: number) => Promise<void>
  readonly print: (line: string) => void
}

const intervalMs = 20_000
const passEveryMs = 10_000
const wrongThumbprint = Array.from({ length: 32 }, () => '00').join(':')

/** @returns how many things were not as they should be */
export async function checkEsxi({ options, intervals, pause, print }: EsxiCheck): Promise<number> {
  let failures = 0
  const check = (what: string, problems: readonly string[]): void => {
    if (problems.length > 0) failures += 1
    print(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${what}`)
    for (const problem of problems.slice(0, 10)) print(`         ${problem}`)
    if (problems.length > 10) print(`         and ${problems.length - 10} more`)
  }
  check('another certificate is refused', await wrongCertificate(options))
  const hypervisors = await openEsxi(options)
  try {
    for (const hypervisor of hypervisors) {
      const signal = AbortSignal.timeout(60_000)
      const [capabilities, inventory] = [await hypervisor.probe(signal), await hypervisor.inventory(signal)]
      print(`\n${hypervisor.identity.name}: ${inventory.host.hypervisorVersion}, ${inventory.vms.length} VMs`)
      for (const { name, support, reason = '' } of capabilities)
        print(`  ${name.padEnd(15)} ${support.padEnd(9)} ${reason}`)
      check('the inventory is complete', inventoryProblems(inventory))
      const cannot = capabilities.filter(
        ({ support, reason = '' }) => support === 'no' && reason.includes('no counter'),
      )
      check(
        'the server has all counters',
        cannot.map(({ name, reason }) => `${name}: ${reason}`),
      )
      const book = await follow(hypervisor, { passes: (intervals * intervalMs) / passEveryMs + 1, pause })
      check('each VM that runs has its figures', figureProblems(book, inventory))
      check('each interval comes once', timeProblems(book))
      check('figures are possible', valueProblems(book, inventory))
      print('  Compare with the vSphere client (real-time charts, means of 20 s):')
      for (const line of comparison(book, inventory)) print(`  ${line}`)
    }
  } finally {
    for (const hypervisor of hypervisors) await hypervisor.close()
  }
  print(failures === 0 ? '\nall as it should be' : `\n${failures} not as they should be`)
  return failures
}

async function wrongCertificate(options: EsxiOptions): Promise<string[]> {
  try {
    const hypervisors = await openEsxi({ ...options, trust: { by: 'thumbprint', sha256: wrongThumbprint } })
    for (const one of hypervisors) await one.close()
    return ['the server was taken for one with the thumbprint 00:00:…']
  } catch (error) {
    return error instanceof Error && error.name === 'HypervisorDenied' ? [] : [String(error)]
  }
}

/** Samples of each VM by time, and of the host. */
interface Book {
  readonly vms: ReadonlyMap<string, readonly VmRaw[]>
  readonly hostTimes: readonly number[]
  readonly problems: readonly string[]
}

async function follow(
  hypervisor: Hypervisor,
  { passes, pause }: { readonly passes: number; readonly pause: EsxiCheck['pause'] },
): Promise<Book> {
  const vms = new Map<string, VmRaw[]>()
  const hostTimes: number[] = []
  const problems: string[] = []
  for (let pass = 0; pass < passes; pass += 1) {
    const sample = await hypervisor.sample(new Set(['state', 'cpu', 'block']), {}, AbortSignal.timeout(60_000))
    for (const one of [...(sample.earlier ?? []), sample]) take(one)
    if (pass < passes - 1) await pause(passEveryMs)
  }
  return { vms, hostTimes, problems }

  function take({ atMs, host, vms: raws, gaps }: Sample): void {
    if (host?.memoryBytes !== undefined && atMs !== undefined) hostTimes.push(atMs)
    for (const { message, vmUuid = 'the host' } of gaps) problems.push(`${vmUuid}: ${message}`)
    // Named without figures where nothing is new.
    for (const raw of raws) if (raw.memoryRssBytes !== undefined) vms.set(raw.uuid, [...(vms.get(raw.uuid) ?? []), raw])
  }
}

function inventoryProblems({ host, vms, arrays }: Inventory): string[] {
  const keys = new Set(arrays.map(({ key }) => key))
  const uuids = new Set(vms.map(({ uuid }) => uuid))
  return [
    ...(host.hypervisorVersion === '' ? ['the host has no version'] : []),
    ...(host.cpuCores === undefined ? ['the host has no cores'] : []),
    ...(uuids.size < vms.length ? ['two VMs have the same UUID'] : []),
    ...vms.flatMap(({ name, vcpus, memoryMaxBytes, disks }) => [
      ...(vcpus > 0 && memoryMaxBytes > 0 ? [] : [`${name} has no size`]),
      ...disks.flatMap(({ target, arrayKey, capacityBytes }) => [
        ...(keys.has(arrayKey) ? [] : [`${name} ${target} is on no array that is known: '${arrayKey}'`]),
        ...(capacityBytes === undefined ? [`${name} ${target} has no capacity`] : []),
      ]),
    ]),
  ]
}

function figureProblems({ vms, problems }: Book, inventory: Inventory): string[] {
  return [
    ...problems,
    ...inventory.vms.flatMap(({ uuid, name, disks, nics }) => {
      const last = vms.get(uuid)?.at(-1)
      if (last === undefined) return []
      const missing = [
        ...(
          ['cpuSeconds', 'vcpuWaitSeconds', 'memoryActiveBytes', 'memoryBalloonedBytes', 'memorySwappedBytes'] as const
        )
          .filter((field) => last[field] === undefined)
          .map(String),
        ...disks.filter(({ target }) => !last.disks?.some((disk) => isWhole(disk, target))).map(({ target }) => target),
        ...nics.filter(({ device }) => !last.nics?.some((nic) => nic.device === device)).map(({ device }) => device),
      ]
      return missing.length === 0 ? [] : [`${name} lacks ${missing.join(', ')}`]
    }),
  ]
}

function isWhole(disk: DiskRaw, target: string): boolean {
  const { readBytes, writeBytes, readRequests, writeRequests, readSeconds, writeSeconds } = disk
  const all = [readBytes, writeBytes, readRequests, writeRequests, readSeconds, writeSeconds]
  return disk.target === target && all.every((total) => total !== undefined)
}

function timeProblems({ vms, hostTimes }: Book): string[] {
  const steps = (times: readonly number[], who: string): string[] =>
    times.flatMap((at, index) => {
      const step = at - (times[index - 1] ?? at - intervalMs)
      return Math.abs(step - intervalMs) <= intervalMs / 10 ? [] : [`${who}: ${step} ms between two samples`]
    })
  const own = new Set(hostTimes)
  return [
    ...(hostTimes.length < 2 ? [`the host has ${hostTimes.length} samples`] : steps(hostTimes, 'the host')),
    ...[...vms].flatMap(([uuid, samples]) => [
      ...steps(
        samples.map(({ atMs }) => atMs),
        uuid,
      ),
      ...samples
        .filter(({ atMs }) => !own.has(atMs))
        .map(({ atMs }) => `${uuid}: a sample at ${atMs}, and the host has none`),
    ]),
  ]
}

function valueProblems({ vms }: Book, inventory: Inventory): string[] {
  return inventory.vms.flatMap(({ uuid, name, vcpus, memoryMaxBytes }) => {
    const samples = vms.get(uuid) ?? []
    return samples.slice(1).flatMap((raw, index) => {
      const before = samples[index]
      const cores = (growth(raw, before, ({ cpuSeconds }) => cpuSeconds) ?? 0) / (intervalMs / 1000)
      return [
        ...(cores > vcpus * 1.5 ? [`${name} used ${cores.toFixed(2)} cores of ${vcpus}`] : []),
        ...((raw.memoryRssBytes ?? 0) > memoryMaxBytes * 1.25 ? [`${name} holds more memory than it has`] : []),
        ...((raw.memoryActiveBytes ?? 0) > memoryMaxBytes * 1.05 ? [`${name} touches more memory than it has`] : []),
        ...(raw.runId === before?.runId && cores < 0 ? [`the CPU time of ${name} went back`] : []),
      ]
    })
  })
}

function growth(
  after: VmRaw | undefined,
  before: VmRaw | undefined,
  pick: (raw: VmRaw) => number | undefined,
): number | undefined {
  const [late, early] = [after && pick(after), before && pick(before)]
  return late === undefined || early === undefined ? undefined : late - early
}

/** The last interval of each VM, as a person compares it. */
function comparison({ vms }: Book, inventory: Inventory): string[] {
  const seconds = intervalMs / 1000
  return inventory.vms.flatMap(({ uuid, name }) => {
    const samples = vms.get(uuid) ?? []
    const [before, last] = [samples.at(-2), samples.at(-1)]
    if (last === undefined || before === undefined) return []
    const sum = (field: Exclude<keyof DiskRaw, 'target'>) =>
      growth(last, before, ({ disks = [] }) => disks.reduce((total, disk) => total + (disk[field] ?? 0), 0)) ??
      Number.NaN
    const mebibytes = (bytes: number | undefined): string => `${((bytes ?? Number.NaN) / 2 ** 20).toFixed(0)} MiB`
    const latency = (way: 'read' | 'write'): string =>
      `${((sum(`${way}Seconds`) * 1000) / sum(`${way}Requests`)).toFixed(1)} ms`
    return [
      `${new Date(last.atMs).toISOString()} ${name}: CPU ${(((growth(last, before, (raw) => raw.cpuSeconds) ?? Number.NaN) / seconds) * 100).toFixed(0)} % of a core, ` +
        `consumed ${mebibytes(last.memoryRssBytes)}, active ${mebibytes(last.memoryActiveBytes)}, ` +
        `read ${(sum('readBytes') / 1024 / seconds).toFixed(0)} KBps ${latency('read')}, ` +
        `write ${(sum('writeBytes') / 1024 / seconds).toFixed(0)} KBps ${latency('write')}`,
    ]
  })
}
