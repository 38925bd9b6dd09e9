import { expect, it } from 'vitest'

import { departureVerdicts, needsOf, readReception, type ReceptionSite } from './reception.js'

const definition = `<domain type='kvm'><name>a</name><uuid>0AB0</uuid><os><type arch='x86_64' machine='pc-7.2'>hvm</type></os>
<cpu mode='custom'><model>Nehalem</model></cpu><devices><emulator>/usr/bin/qemu</emulator>
<disk type='file' device='disk'><source file='/srv/a.img'/><target dev='vda'/></disk>
<disk type='file' device='cdrom'><source file='/srv/cd.iso'/><target dev='sda'/></disk>
<disk type='file' device='cdrom'><target dev='sdb'/></disk>
<interface type='bridge'><source bridge='br7'/></interface><hostdev type='pci'/></devices></domain>`
const capabilities = `<capabilities><guest><arch name='x86_64'><emulator>/usr/bin/qemu</emulator>
<machine canonical='pc-7.2'>pc</machine><domain type='qemu'/><domain type='kvm'/></arch></guest></capabilities>`
const { signal } = new AbortController()

async function refused(change: Partial<ReceptionSite>, text = definition): Promise<string[]> {
  const yes = (): Promise<boolean> => Promise.resolve(true)
  const capable = (): Promise<string> => Promise.resolve(capabilities)
  const site = { hasPath: yes, hasBridge: yes, canRunCpu: yes, capabilities: capable, ...change }
  return (await readReception(text, site, signal)).flatMap(({ check, ok }) => (ok ? [] : [check]))
}

const never = (): Promise<boolean> => Promise.resolve(false)

it.each<[string, Partial<ReceptionSite>, string, string[]]>([
  ['all is here', {}, definition, []],
  ['no bridge', { hasBridge: never }, definition, ['bridges']],
  ['no files', { hasPath: never }, definition, ['paths']],
  ['a lesser CPU', { canRunCpu: never }, definition, ['cpu']],
  ['another machine', {}, definition.replace('pc-7.2', 'pc-9.9'), ['machine']],
  ['another emulator', {}, definition.replace('/usr/bin/qemu<', '/opt/qemu<'), ['emulator']],
  ['another architecture', {}, definition.replace('x86_64', 's390x'), ['emulator']],
])('a host for a VM: %s', async (_what, change, text, expected) => {
  expect(await refused(change, text)).toEqual(expected)
})

it('what keeps a VM where it is', () => {
  const failed = (text: string): string[] =>
    departureVerdicts(needsOf(text)).flatMap(({ check, ok }) => (ok ? [] : [check]))
  expect(failed(definition)).toEqual(['passthrough'])
  expect(failed(definition.replace("<hostdev type='pci'/>", ''))).toEqual([])
  const vcpus = (second: string): string =>
    definition
      .replace("<hostdev type='pci'/>", '')
      .replace(
        '<cpu ',
        `<vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/><vcpu id='1' ${second}/></vcpus><cpu `,
      )
  // As libvirt 9.0 says it of a vCPU of the start, of one that can be taken away again, of one that is not there, and of one that was set later.
  expect(failed(vcpus("enabled='yes' hotpluggable='no' order='2'"))).toEqual([])
  expect(failed(vcpus("enabled='yes' hotpluggable='yes' order='2'"))).toEqual([])
  expect(failed(vcpus("enabled='no' hotpluggable='yes'"))).toEqual([])
  expect(failed(vcpus("enabled='yes' order='2'"))).toEqual(['vcpus'])
  expect(needsOf(definition).uuid).toBe('0ab0')
})
