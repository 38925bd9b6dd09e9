import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { pv1, recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { damaged, unlessItThrows } from '../../../test/support/damaged-text.js'
import { describe as describeVm, type ToolDomain } from './tool-domain.js'
import { parseToolDomains } from './tool-domains.js'
import { XenToolError } from './xen-tools.js'

const uuid = '00000000-0000-4000-8000-000000000001'
const ofXl = (config: object): ToolDomain | undefined =>
  parseToolDomains(JSON.stringify([{ domid: 3, config: { c_info: { name: 'a', uuid }, ...config } }]))[0]
const ofXm = (sxp: string): ToolDomain | undefined =>
  parseToolDomains(`(domain (domid 3) (name a) (uuid ${uuid}) ${sxp})`)[0]

test('recorded: xl of Xen 4.17; dom0 is none', () => {
  expect(parseToolDomains(recorded('xl-list-l.json'))).toEqual([
    {
      id: 1,
      name: 'pv1',
      uuid: pv1,
      vcpus: 1,
      memoryMaxBytes: 128 * 2 ** 20,
      osType: 'linux',
      disks: [
        {
          target: 'xvda',
          source: { type: 'block', source: '/dev/loop0' },
          readOnly: false,
          removable: false,
          format: 'raw',
          bus: 'xen',
        },
      ],
      nics: [{ device: 'vif1.0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }],
    },
  ])
})

describe('hand-written: xm of Xen 3.4', () => {
  const domains = parseToolDomains(recorded('xm-list-l.txt'))

  test('all VMs, the one that is off too; dom0 is none', () => {
    expect(
      domains.map(({ id, name, vcpus, memoryMaxBytes, osType }) => [id, name, vcpus, memoryMaxBytes, osType]),
    ).toEqual([
      [7, 'bell', 1, 2 ** 30, 'linux'],
      [8, 'kohaku', 1, 2 ** 30, 'linux'],
      [10, 'lupin', 1, 2 ** 30, 'linux'],
      [11, 'mail 2', 1, 2 ** 30, 'hvm'],
      [5, 'maxwell', 1, 2 ** 30, 'linux'],
      [undefined, 'motty', 1, 2 ** 30, 'linux'],
      [12, 'ns', 1, 2 ** 29, 'linux'],
      [9, 'panda', 2, 2 ** 31, 'linux'],
      [6, 'tesla', 1, 2 ** 30, 'linux'],
    ])
  })

  test('their disks', () => {
    const rows = domains.flatMap(({ name, disks }) =>
      disks.map(({ target, source, readOnly, format }) => [
        name,
        target,
        source?.type,
        source?.source,
        readOnly,
        format,
      ]),
    )
    expect(rows).toEqual([
      ['bell', 'xvda', 'block', '/dev/local/bell', false, undefined],
      ['kohaku', 'xvda', 'file', '/images/kohaku.img', false, undefined],
      ['lupin', 'xvda', 'file', '/images/lupin.img', false, 'raw'],
      ['mail 2', 'hda', 'file', '/images/mail2.img', false, undefined],
      ['mail 2', 'hdc', undefined, undefined, true, undefined],
      ['maxwell', 'xvda', 'block', '/dev/elab/maxwell', false, undefined],
      ['motty', 'xvda', 'file', '/images/motty.img', false, undefined],
      ['ns', 'xvda', 'block', '/dev/elab/ns', false, undefined],
      ['panda', 'xvda', 'block', '/dev/sda3', true, undefined],
      ['tesla', 'xvda', 'block', '/dev/elab/tesla', false, undefined],
    ])
  })

  test('their interfaces', () => {
    expect(domains.find(({ name }) => name === 'mail 2')?.nics).toEqual([
      { device: 'mail2.0', mac: '00:16:3e:00:00:11', network: 'xenbr0', model: 'e1000' },
    ])
    expect(domains.find(({ name }) => name === 'ns')?.nics).toEqual([
      { device: '', mac: '00:16:3e:00:00:12', network: 'xenbr0' },
      { device: '', mac: '00:16:3e:00:01:12', network: 'xenbr0' },
    ])
  })
})

test('xl of Xen 4.1 prints S-expressions with words of its own', () => {
  const text = `(domain (domid 4) (create_info) (hvm 0) (name pv) (uuid ${uuid}) (build_info) (max_vcpus 2) (max_memkb 131072)
    (image (linux 0) (kernel /boot/vmlinuz))
    (device (tap (backend_domid 0) (physpath /dev/vg/lv) (phystype 1) (virtpath xvda) (readwrite 1) (is_cdrom 0)))
    (device (tap (backend_domid 0) (physpath /images/cd.iso) (phystype 2) (virtpath hdc) (readwrite 0) (is_cdrom 1)))
    (device (vif (devid 1) (model (null)) (mac 00163e0000aa) (bridge xenbr0))))`
  expect(parseToolDomains(text)).toMatchObject([
    {
      id: 4,
      vcpus: 2,
      memoryMaxBytes: 128 * 2 ** 20,
      osType: 'linux',
      disks: [
        { target: 'xvda', source: { type: 'block', source: '/dev/vg/lv' }, readOnly: false },
        { target: 'hdc', source: { type: 'file', source: '/images/cd.iso' }, readOnly: true, removable: true },
      ],
      nics: [{ device: 'vif4.1', mac: '00:16:3e:00:00:aa', network: 'xenbr0' }],
    },
  ])
  expect(parseToolDomains('')).toEqual([])
})

describe('parts of xl', () => {
  test.each<[string, object, object]>([
    ['left out: the default', {}, { id: 3, vcpus: 1, memoryMaxBytes: 0, osType: undefined, disks: [], nics: [] }],
    ['hvm', { c_info: { name: 'a', uuid, type: 'hvm' } }, { osType: 'hvm' }],
    ['pvh', { c_info: { name: 'a', uuid, type: 'pvh' } }, { osType: 'xenpvh' }],
    ['a UUID in capitals', { c_info: { name: 'a', uuid: uuid.toUpperCase() } }, { uuid }],
    ['left out: not writable', { disks: [{ vdev: 'xvda', pdev_path: '/dev/x' }] }, { disks: [{ readOnly: true }] }],
    [
      'an empty drive',
      { disks: [{ vdev: 'hdc', format: 'empty', is_cdrom: 1 }] },
      { disks: [{ target: 'hdc', source: undefined, removable: true, format: undefined }] },
    ],
    ['a disk without a name', { disks: [{ pdev_path: '/dev/x' }] }, { disks: [] }],
    [
      'an interface of another name',
      { nics: [{ devid: 0, ifname: 'web0', mac: '00:16:3e:00:00:01' }] },
      { nics: [{ device: 'web0' }] },
    ],
    ['an interface without an address', { nics: [{ devid: 0 }] }, { nics: [] }],
    ['odd kinds', { disks: 'none', nics: [1, null, []], b_info: 7 }, { disks: [], nics: [], vcpus: 1 }],
    ['sizes that are none', { b_info: { max_vcpus: -1, max_memkb: 1.5 } }, { vcpus: 1, memoryMaxBytes: 0 }],
    [
      'more disks than can be',
      { disks: Array.from({ length: 300 }, () => ({ vdev: 'xvda' })) },
      { disks: { length: 256 } },
    ],
  ])('%s', (_, config, expected) => {
    expect(ofXl(config)).toMatchObject(expected)
  })
})

describe('parts of xm', () => {
  test.each<[string, string, object]>([
    ['left out', '', { id: 3, vcpus: 1, memoryMaxBytes: 0, osType: undefined, disks: [], nics: [] }],
    [
      'written whatever else uses it',
      '(device (vbd (dev a) (uname phy:x) (mode w!)))',
      { disks: [{ readOnly: false }] },
    ],
    ['read whatever else uses it', '(device (vbd (dev a) (uname phy:x) (mode r!)))', { disks: [{ readOnly: true }] }],
    ['blktap 2', '(device (tap2 (dev xvda:disk) (uname tap2:vhd:/x.vhd) (mode w)))', { disks: [{ format: 'vhd' }] }],
    ['other devices', '(device (vfb (vnc 1))) (device ) (device word)', { disks: [], nics: [] }],
    ['sizes that are none', '(vcpus many) (maxmem -1)', { vcpus: 1, memoryMaxBytes: 0 }],
    ['more disks than can be', '(device (vbd (dev a)))'.repeat(300), { disks: { length: 256 } }],
  ])('%s', (_, sxp, expected) => {
    expect(ofXm(sxp)).toMatchObject(expected)
  })
})

test.each([
  ['xl, no name', JSON.stringify([{ domid: 3, config: { c_info: { uuid } } }])],
  ['xl, no number', JSON.stringify([{ config: { c_info: { name: 'a', uuid } } }])],
  ['xl, a UUID that is none', JSON.stringify([{ domid: 3, config: { c_info: { name: 'a', uuid: 'x' } } }])],
  ['xl, odd kinds', '[1, null, [], {"config": 3}]'],
  ['xm, no name', `(domain (domid 3) (uuid ${uuid}))`],
  ['xm, a UUID that is none', '(domain (domid 3) (name a) (uuid x))'],
  ["xm, dom0's UUID", '(domain (domid 0) (name Domain-0) (uuid 00000000-0000-0000-0000-000000000000))'],
  ['xm, something else', '(host (name a))'],
])('no VM: %s', (_, text) => {
  expect(parseToolDomains(text)).toEqual([])
})

test.each<[string, string, RegExp]>([
  ['an error', 'Error: xend is not running', /first character: expected \[ or \(, got "Error: xend/],
  ['JSON that does not end', '[{', /JSON: expected a list of domains/],
  ['an S-expression that does not end', '(domain', /1 closing brackets/],
  ['more domains than can be', `[${'{},'.repeat(16_384)}{}]`, /16384 domains at most, got "16385"/],
  ['more brackets than can be', '['.repeat(500_001), /500000 parts at most, got "500001"/],
  ['the same by xm', '(domain)'.repeat(16_385), /16384 domains at most, got "16385"/],
])('%s', (_, text, message) => {
  expect(() => parseToolDomains(text)).toThrow(XenToolError)
  expect(() => parseToolDomains(text)).toThrow(message)
})

test('any text: domains, or the one error', () => {
  const json = fc.array(fc.record({ domid: fc.anything(), config: fc.anything() })).map((all) => JSON.stringify(all))
  const cut = ['xl-list-l.json', 'xm-list-l.txt'].map((file) => damaged(recorded(file), 300))
  fc.assert(
    fc.property(fc.oneof(fc.string(), json, ...cut), (text) => {
      const domains = unlessItThrows(XenToolError, () => parseToolDomains(text)) ?? []
      for (const { disks, nics } of domains) expect(Math.max(disks.length, nics.length)).toBeLessThanOrEqual(256)
    }),
  )
})

test("the hash is the definition's, whichever run it is", () => {
  const nic = { mac: '00:16:3e:00:00:01' }
  const hash = (devid: number, bridge: string): string | undefined => {
    const domain = ofXl({ nics: [{ ...nic, devid, bridge }] })
    return domain === undefined ? undefined : describeVm(domain).definitionHash
  }
  expect(hash(0, 'a')).toMatch(/^[\da-f]{64}$/)
  expect(hash(1, 'a')).toBe(hash(0, 'a'))
  expect(hash(0, 'b')).not.toBe(hash(0, 'a'))
})
