import { describe, expect, it } from 'vitest'

import { parseXml } from '../libvirt/xml.js'
import { arraysOf, datastoresOf, fileSystemsOf } from './storage-facts.js'

// Written by hand after VMware's description of HostStorageDeviceInfo and DatastoreInfo.

const storage = parseXml(`<val>
  <scsiLun><key>k1</key><canonicalName>naa.1</canonicalName></scsiLun>
  <scsiLun><key>k2</key><canonicalName>naa.2</canonicalName></scsiLun>
  <scsiLun><key>k3</key><canonicalName>mpx.vmhba0</canonicalName></scsiLun>
  <scsiTopology><adapter>
    <target><lun><lun>1</lun><scsiLun>k1</scsiLun></lun>
      <transport xsi:type="HostInternetScsiTargetTransport"><iScsiName>iqn.2010-01.example:box</iScsiName></transport></target>
    <target><lun><lun>7</lun><scsiLun>k2</scsiLun></lun>
      <transport xsi:type="HostFibreChannelTargetTransport"><portWorldWideName>1</portWorldWideName><nodeWorldWideName>-1</nodeWorldWideName></transport></target>
    <target><lun><lun>0</lun><scsiLun>k3</scsiLun></lun>
      <transport xsi:type="HostParallelScsiTargetTransport"/></target>
  </adapter></scsiTopology></val>`)

function keyOf(summary: string, info: string, devices = storage): string | undefined {
  const properties = new Map([
    ['summary', parseXml(`<val><name>d</name><url>ds:///vmfs/volumes/uuid-1/</url>${summary}</val>`)],
    ['info', parseXml(`<val>${info}</val>`)],
  ])
  const object = { ref: { type: 'Datastore', id: 'd' }, properties }
  return datastoresOf([object], { hostId: 'h', objectId: 'host-1', storage: devices })[0]?.arrayKey
}

const vmfs = (name: string): string => `<vmfs><extent><diskName>${name}</diskName></extent></vmfs>`
const shared = '<multipleHostAccess>true</multipleHostAccess><type>VMFS</type>'

describe('datastoresOf', () => {
  it.each<[string, string, string, string]>([
    ['VMFS on iSCSI', shared, vmfs('naa.1'), 'iscsi:iqn.2010-01.example:box'],
    ['VMFS on Fibre Channel', shared, vmfs('naa.2'), 'fc:ffffffffffffffff'],
    ['VMFS on a local disk', '', vmfs('mpx.vmhba0'), 'local:h:mpx.vmhba0'],
    ['VMFS on a device that the host does not list', '', vmfs('naa.9'), 'local:h:naa.9'],
    ['the same, mounted by several hosts', shared, vmfs('naa.9'), 'datastore:uuid-1'],
    ['NFS', shared, '<nas><remoteHost>filer</remoteHost><remotePath>/a b</remotePath></nas>', 'nfs:filer:/a_b'],
    ['something else', '<type>vsan</type><multipleHostAccess>true</multipleHostAccess>', '', 'datastore:uuid-1'],
  ])('%s', (_name, summary, info, key) => {
    expect(keyOf(summary, info)).toBe(key)
  })

  it('without the devices of the host a shared VMFS is an array of its own', () => {
    expect(keyOf(shared, vmfs('naa.1'), parseXml('<val/>'))).toBe('datastore:uuid-1')
  })

  it('two datastores on one box are one array', () => {
    const one = {
      id: 'a',
      name: 'a',
      instance: 'a',
      arrayKey: 'iscsi:x',
      unit: 'LUN 1',
      backend: 'vmfs' as const,
      kind: 'iscsi',
      availableBytes: 1,
      type: 'VMFS',
      readOnly: false,
      devices: ['naa.1'],
    }
    const arrays = arraysOf([
      { ...one, sizeBytes: 1 },
      { ...one, id: 'b', name: 'b', sizeBytes: 2, devices: ['naa.2'] },
    ])
    expect(arrays).toEqual([{ key: 'iscsi:x', name: 'a, b', kind: 'iscsi', sizeBytes: 3, devices: ['naa.1', 'naa.2'] }])
  })
})

it('datastores are file systems as well, with what is free, and read-only where their host mounts them so', () => {
  const mount = (host: string, mode: string): string =>
    `<DatastoreHostMount><key type="HostSystem">${host}</key><mountInfo><accessMode>${mode}</accessMode></mountInfo></DatastoreHostMount>`
  const datastore = (id: string, size: string, mode: string): Parameters<typeof datastoresOf>[0][number] => ({
    ref: { type: 'Datastore', id },
    properties: new Map([
      ['summary', parseXml(`<val><name>${id}</name><url>ds:///${id}/</url>${size}<type>NFS</type></val>`)],
      ['info', parseXml('<val><nas><remoteHost>filer</remoteHost><remotePath>/a</remotePath></nas></val>')],
      ['host', parseXml(`<val>${mount('host-2', 'readOnly')}${mount('host-1', mode)}</val>`)],
    ]),
  })
  const sizes = '<capacity>1000</capacity><freeSpace>250</freeSpace>'
  const datastores = datastoresOf(
    [
      datastore('a', sizes, 'readWrite'),
      datastore('b', sizes, 'readOnly'),
      datastore('c', '<capacity>9</capacity>', 'readWrite'),
    ],
    { hostId: 'h', objectId: 'host-1', storage: undefined },
  )
  const common = { device: '', type: 'NFS', sizeBytes: 1000, availableBytes: 250, files: 0, filesFree: 0 }
  expect(fileSystemsOf(datastores)).toEqual([
    { mount: 'a', ...common, readOnly: false },
    { mount: 'b', ...common, readOnly: true },
  ])
})
