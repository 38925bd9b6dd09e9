import { child, childText, children, type XmlElement } from '../../agent/hypervisor/libvirt/xml.js'
import { escapeXml } from '../../agent/hypervisor/esxi/soap-message.js'
import {
  counterValue,
  doubleCounters,
  intervalEnds,
  type DoubleHost,
  type DoubleVm,
  type DoubleWorld,
} from './vsphere-double-world.js'

/** The answers of the vSphere double as XML, in the shapes of the recorded ones. Written by hand. */

const xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

export function reply(method: string, values: readonly string[]): string {
  return envelope(`<${method}Response xmlns="urn:vim25">${values.join('')}</${method}Response>`)
}

export function fault(type: string, text: string): string {
  return envelope(
    '<soapenv:Fault><faultcode>ServerFaultCode</faultcode>' +
      `<faultstring>${escapeXml(text)}</faultstring><detail><${type}Fault xmlns="urn:vim25" ${xsi} xsi:type="${type}"/></detail></soapenv:Fault>`,
  )
}

function envelope(body: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">' +
    `<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`
  )
}

export function serviceContent(isVcenter: boolean): string {
  const service = (name: string, type: string): string => `<${name} type="${type}">${type}-1</${name}>`
  return (
    `<returnval>${service('rootFolder', 'Folder')}${service('propertyCollector', 'PropertyCollector')}` +
    `${service('viewManager', 'ViewManager')}<about><name>Double</name><fullName>hand-written double</fullName>` +
    `<apiType>${isVcenter ? 'VirtualCenter' : 'HostAgent'}</apiType><apiVersion>6.5</apiVersion></about>` +
    `${service('sessionManager', 'SessionManager')}${service('perfManager', 'PerformanceManager')}</returnval>`
  )
}

function property(name: string, type: string, value: string): string {
  return `<propSet><name>${name}</name><val ${xsi} xsi:type="${type}">${value}</val></propSet>`
}

/** Properties of any object that the driver asks for. @returns undefined if there is no such object */
export function objectContent(
  world: DoubleWorld,
  type: string,
  id: string,
  paths: readonly string[],
): string | undefined {
  const all = propertiesOf(world, type, id)
  if (all === undefined) return undefined
  const sets = paths.flatMap((path) => (all[path] === undefined ? [] : property(path, all[path][0], all[path][1])))
  return `<objects><obj type="${type}">${id}</obj>${sets.join('')}</objects>`
}

type Properties = Readonly<Record<string, readonly [type: string, value: string]>>

function propertiesOf(world: DoubleWorld, type: string, id: string): Properties | undefined {
  if (type === 'VirtualMachine') {
    const vm = world.vms.find((one) => one.id === id)
    return vm === undefined ? undefined : vmProperties(world, vm)
  }
  if (type === 'HostSystem') {
    const host = world.hosts.find((one) => one.id === id)
    return host === undefined ? undefined : hostProperties(world, host)
  }
  if (type === 'Datastore') return datastoreProperties(world, id)
  if (type === 'PerformanceManager') return { perfCounter: ['ArrayOfPerfCounterInfo', perfCounters()] }
  return undefined
}

/** What the watch follows. */
export function watchedProperties(vm: DoubleVm): Properties {
  return {
    name: ['xsd:string', escapeXml(vm.name)],
    'config.uuid': ['xsd:string', vm.biosUuid],
    'config.instanceUuid': ['xsd:string', vm.instanceUuid],
    'config.template': ['xsd:boolean', 'false'],
    'config.changeVersion': ['xsd:string', String(vm.changeVersion)],
    'runtime.powerState': ['VirtualMachinePowerState', vm.power],
    'runtime.host': ['ManagedObjectReference', vm.hostId],
    'runtime.bootTime': ['xsd:dateTime', new Date(vm.bootedAtMs).toISOString()],
  }
}

function vmProperties(world: DoubleWorld, vm: DoubleVm): Properties {
  const disks = vm.disks.map((target, index) => {
    const datastore = world.datastores[index % world.datastores.length]
    return (
      `<device xsi:type="VirtualDisk"><key>${2000 + index}</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo">` +
      `<fileName>[${datastore?.name}] ${escapeXml(vm.name)}/disk${index}.vmdk</fileName>` +
      `<datastore type="Datastore">${datastore?.id}</datastore></backing><controllerKey>1000</controllerKey>` +
      `<unitNumber>${target.split(':')[1]}</unitNumber><capacityInKB>1048576</capacityInKB></device>`
    )
  })
  const hardware =
    '<numCPU>2</numCPU><memoryMB>4096</memoryMB>' +
    '<device xsi:type="ParaVirtualSCSIController"><key>1000</key><busNumber>0</busNumber></device>' +
    disks.join('') +
    '<device xsi:type="VirtualVmxnet3"><key>4000</key><backing><deviceName>VM Network</deviceName></backing>' +
    '<macAddress>00:0C:29:36:63:62</macAddress></device>'
  return {
    ...watchedProperties(vm),
    'config.hardware': ['VirtualHardware', hardware],
    'config.annotation': ['xsd:string', 'mail &amp; news'],
    'config.guestFullName': ['xsd:string', 'Debian GNU/Linux'],
  }
}

function hostProperties(world: DoubleWorld, host: DoubleHost): Properties {
  const hardware =
    `<vendor>Double</vendor><model>Hand-written</model><uuid>${host.uuid}</uuid><memorySize>68719476736</memorySize>` +
    '<cpuModel>Example CPU</cpuModel><cpuMhz>2400</cpuMhz><numCpuCores>16</numCpuCores><numCpuThreads>32</numCpuThreads>'
  const storage =
    '<scsiLun xsi:type="HostScsiDisk"><key>key-disk-1</key><canonicalName>naa.600140512345</canonicalName></scsiLun>' +
    '<scsiTopology><adapter><target><lun><lun>3</lun><scsiLun>key-disk-1</scsiLun></lun>' +
    '<transport xsi:type="HostInternetScsiTargetTransport"><iScsiName>iqn.2010-01.example:box</iScsiName></transport>' +
    '</target></adapter></scsiTopology>'
  const refs = world.datastores.map(
    ({ id }) => `<ManagedObjectReference type="Datastore">${id}</ManagedObjectReference>`,
  )
  return {
    name: ['xsd:string', host.name],
    'summary.hardware': ['HostHardwareSummary', hardware],
    'runtime.bootTime': ['xsd:dateTime', '2026-01-01T00:00:00Z'],
    'summary.config.product': ['AboutInfo', '<name>VMware ESXi</name><fullName>VMware ESXi (double)</fullName>'],
    datastore: ['ArrayOfManagedObjectReference', refs.join('')],
    'config.network.pnic': [
      'ArrayOfPhysicalNic',
      ['vmnic0', 'vmnic1'].map((device) => `<PhysicalNic><device>${device}</device></PhysicalNic>`).join(''),
    ],
    'config.storageDevice': ['HostStorageDeviceInfo', storage],
  }
}

function datastoreProperties(world: DoubleWorld, id: string): Properties | undefined {
  const index = world.datastores.findIndex((one) => one.id === id)
  const datastore = world.datastores[index]
  if (datastore === undefined) return undefined
  const info =
    index === 0
      ? '<vmfs><uuid>4f1a2b3c</uuid><extent><diskName>naa.600140512345</diskName><partition>1</partition></extent></vmfs>'
      : '<nas><remoteHost>filer</remoteHost><remotePath>/vol/vms</remotePath></nas>'
  const summary =
    `<name>${datastore.name}</name><url>ds:///vmfs/volumes/${datastore.instance}/</url><capacity>1099511627776</capacity><freeSpace>274877906944</freeSpace>` +
    `<multipleHostAccess>true</multipleHostAccess><type>${index === 0 ? 'VMFS' : 'NFS'}</type>`
  return {
    name: ['xsd:string', datastore.name],
    summary: ['DatastoreSummary', summary],
    info: [index === 0 ? 'VmfsDatastoreInfo' : 'NasDatastoreInfo', info],
  }
}

/** Counters in numbers of this double's own. */
const firstCounterId = 700

function perfCounters(): string {
  return doubleCounters
    .map(
      ([group, name, rollup], index) =>
        `<PerfCounterInfo><key>${firstCounterId + index}</key><nameInfo><label>x</label><key>${name}</key></nameInfo>` +
        `<groupInfo><key>${group}</key></groupInfo><rollupType>${rollup}</rollupType></PerfCounterInfo>`,
    )
    .join('')
}

/** An object as it is told by a server that does not have this counter: `group.name.rollup`. */
export function withoutPerfCounter(object: string, counter: string): string {
  const index = doubleCounters.findIndex(([group, name, rollup]) => `${group}.${name}.${rollup}` === counter)
  return object.replace(new RegExp(`<PerfCounterInfo><key>${firstCounterId + index}</key>.*?</PerfCounterInfo>`), '')
}

export interface PerfHabits {
  readonly nowMs: number
  /** Zeros are missing from the series, which are then shorter than the list of samples. */
  readonly dropsZeros: boolean
  readonly newestFirst: boolean
  /** Start is inclusive, as in govmomi's simulator. */
  readonly startsInclusively: boolean
  /** Samples of an interval can be read so long after its end. */
  readonly lateByMs: (entityId: string) => number
}

/** The answer to one querySpec. Start is exclusive, end inclusive, as VMware's documentation of QueryPerf says, unless told otherwise. */
export function perfAnswer(world: DoubleWorld, spec: XmlElement, habits: PerfHabits): string {
  const entity = child(spec, 'entity')
  const id = entity?.text ?? ''
  const start = childText(spec, 'startTime')
  const end = childText(spec, 'endTime')
  const most = Number(childText(spec, 'maxSample') ?? 0)
  const vm = world.vms.find((one) => one.id === id)
  const readyMs = habits.nowMs - habits.lateByMs(id)
  let ends = intervalEnds({
    afterMs: start === undefined ? 0 : Date.parse(start) - (habits.startsInclusively ? 1 : 0),
    untilMs: end === undefined ? Infinity : Date.parse(end),
    nowMs: readyMs,
    ...(vm === undefined ? {} : { bootedAtMs: vm.bootedAtMs }),
  })
  if (vm !== undefined && vm.power !== 'poweredOn') ends = []
  ends = ends.slice(-most)
  if (habits.newestFirst) ends.reverse()
  const infos = ends.map(
    (ms) => `<sampleInfo><timestamp>${new Date(ms).toISOString()}</timestamp><interval>20</interval></sampleInfo>`,
  )
  const series = children(spec, 'metricId').map((metric) => {
    const counterId = Number(childText(metric, 'counterId'))
    const instance = childText(metric, 'instance') ?? ''
    const [group, name, rollup] = doubleCounters[counterId - firstCounterId] ?? ['', '', '']
    const values = ends.map((ms) => counterValue(id, `${group}.${name}.${rollup}`, instance, ms))
    const told = habits.dropsZeros ? values.filter((value) => value !== 0) : values
    return (
      `<value xsi:type="PerfMetricIntSeries"><id><counterId>${counterId}</counterId><instance>${escapeXml(instance)}</instance></id>` +
      `${told.map((value) => `<value>${value}</value>`).join('')}</value>`
    )
  })
  const type = vm === undefined ? 'HostSystem' : 'VirtualMachine'
  return (
    `<returnval ${xsi} xsi:type="PerfEntityMetric"><entity type="${type}">${id}</entity>` +
    `${infos.join('')}${series.join('')}</returnval>`
  )
}
