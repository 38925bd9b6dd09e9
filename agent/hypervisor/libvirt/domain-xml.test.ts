import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { parseDomain } from './domain-xml.js'
import { XmlError } from './xml.js'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')

describe('a domain as libvirt 9.0 printed it', () => {
  const domain = parseDomain(fixture('file-disks.xml'))

  it('has its sizes and its metadata', () => {
    expect(domain).toMatchObject({
      uuid: 'e4d9b1da-e974-4b6f-b438-8a47c2c8dc65',
      name: 'alpha',
      vcpus: 1,
      memoryMaxBytes: 96 * 2 ** 20,
      osType: 'hvm',
      metadata: { owner: 'bob & co', title: 'alpha of a test' },
    })
  })

  it('has its disks', () => {
    expect(domain.disks).toEqual([
      expect.objectContaining({
        target: 'vda',
        source: { type: 'file', source: '/var/lib/libvirt/images/alpha-0.img' },
        readOnly: false,
        removable: false,
        format: 'raw',
        cache: 'writeback',
        bus: 'virtio',
        serial: undefined,
      }),
      expect.objectContaining({ target: 'vdb' }),
    ])
  })

  it('has its NIC', () => {
    expect(domain.nics).toEqual([{ device: 'vnet0', mac: '52:54:00:6d:3b:31', model: 'virtio' }])
  })
})

describe('a domain with every kind of disk', () => {
  const domain = parseDomain(fixture('network-disks.xml'))

  it('takes the first owner, group and service that it finds', () => {
    expect(domain.metadata).toEqual({
      owner: 'Ann <ann@example.org>',
      group: 'lists',
      service: 'mail',
      title: 'Mail & lists',
      description: 'two lines\nof text',
    })
  })

  it('counts units and all vCPUs that it may have', () => {
    expect(domain).toMatchObject({
      uuid: '4dea22b3-1d52-d8f3-2516-782e98ab3fa0',
      memoryMaxBytes: 4 * 2 ** 30,
      vcpus: 4,
    })
  })

  it.each([
    [
      'vda',
      {
        type: 'network',
        source: 'iscsi://box.example.org:3260/iqn.2010-04.org.example:box/3',
        protocol: 'iscsi',
        host: 'box.example.org',
        port: 3260,
        name: 'iqn.2010-04.org.example:box/3',
      },
    ],
    [
      'vdb',
      {
        type: 'network',
        source: 'rbd://mon1:6789/vms/mail-1',
        protocol: 'rbd',
        host: 'mon1',
        port: 6789,
        name: 'vms/mail-1',
      },
    ],
    ['vdc', { type: 'network', source: '/run/nbd.sock', protocol: 'nbd', name: 'export' }],
    ['vdd', { type: 'network', source: 'nbd://2001:db8::1:10809/', protocol: 'nbd', host: '2001:db8::1', port: 10809 }],
    ['vde', { type: 'other', source: 'nvme type=pci managed=yes namespace=1' }],
    ['sda', { type: 'block', source: '/dev/vg0/mail' }],
    ['sdb', { type: 'volume', source: 'default/mail.qcow2', name: 'mail.qcow2' }],
    ['hda', undefined],
    ['hdb', { type: 'file', source: '/iso/debian & co.iso' }],
  ])('%s', (target, source) => {
    expect(domain.disks.find((disk) => disk.target === target)?.source).toEqual(source)
  })

  it('knows what can be written and what can be taken out', () => {
    const flags = domain.disks.map(({ target, readOnly, removable }) => [target, readOnly, removable])
    expect(flags.filter(([, readOnly, removable]) => readOnly === true || removable === true)).toEqual([
      ['vdd', true, false],
      ['hda', true, true],
      ['hdb', true, true],
    ])
  })

  it('names NICs by their host device and network', () => {
    expect(domain.nics).toEqual([
      { device: 'vnet3', mac: '52:54:00:aa:bb:cc', network: 'br0', model: 'virtio' },
      { device: 'vnet4', mac: '52:54:00:aa:bb:cd', network: 'default' },
      { device: '', mac: '52:54:00:aa:bb:ce' },
    ])
  })
})

describe('hostile definitions', () => {
  const minimal = (inside: string): string =>
    `<domain><name>x</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory unit='KiB'>1024</memory>${inside}</domain>`

  it.each([
    ['a document type', `<!DOCTYPE d [<!ENTITY a "b">]>${minimal('')}`],
    ['no document', ''],
    ['text', 'error: failed'],
    ['an unfinished document', minimal('').slice(0, -4)],
    ['something else', '<network><name>x</name><uuid>y</uuid></network>'],
    ['nesting without end', '<domain>'.repeat(50_000) + '</domain>'.repeat(50_000)],
  ])('refuses %s', (_, xml) => {
    expect(() => parseDomain(xml)).toThrow(XmlError)
  })

  it.each([
    ['a name that parsers forbid', '<__proto__><owner>x</owner></__proto__>'],
    ['an entity that nobody knows', '<a>&nope;</a>'],
    ['another one', '<a><constructor>x</constructor></a>'],
    ['nesting without end', '<a>'.repeat(5000) + '</a>'.repeat(5000)],
  ])('reads a VM without its metadata when that has %s', (_, metadata) => {
    expect(parseDomain(minimal(`<metadata>${metadata}</metadata>`))).toMatchObject({
      name: 'x',
      memoryMaxBytes: 2 ** 20,
    })
  })

  it('is not led astray by names of JavaScript', () => {
    const xml = minimal('<metadata><a><toString>x</toString><valueOf>y</valueOf><owner>z</owner></a></metadata>')
    expect(parseDomain(xml).metadata).toEqual({ owner: 'z' })
    expect(Object.hasOwn(Object.prototype, 'owner')).toBe(false)
  })

  it.each([
    ['a size that is no number', '<memory>1e99</memory>', 0],
    ['a size past counting', `<memory>${'9'.repeat(40)}</memory>`, 0],
    ['an unknown unit', "<memory unit='stone'>5</memory>", 0],
    ['no unit, which is KiB', '<memory>2048</memory>', 2 ** 21],
  ])('takes %s for what it is', (_, memory, bytes) => {
    const xml = `<domain><name>x</name><uuid>u</uuid>${memory}</domain>`
    expect(parseDomain(xml).memoryMaxBytes).toBe(bytes)
  })

  it('cuts metadata that is too long, and decodes entities once only', () => {
    const metadata = `<metadata><a><owner>${'o'.repeat(5000)}</owner><group>&amp;lt;&#x41;&#0066;</group></a></metadata>`
    const parsed = parseDomain(minimal(metadata)).metadata
    expect(parsed?.owner).toHaveLength(256)
    expect(parsed?.group).toBe('&lt;AB')
  })
})
