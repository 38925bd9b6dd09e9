import { expect, it } from 'vitest'

import { parseCapabilities } from './capabilities-xml.js'

const xml = (uuid: string): string => `<capabilities>
  <host><uuid>${uuid}</uuid><cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor></cpu></host>
  <guest><os_type>hvm</os_type></guest>
</capabilities>`

it.each([
  ['6DD4D721-3eab-4207-bc5b-d410f04ea681', '6dd4d721-3eab-4207-bc5b-d410f04ea681'],
  ['00000000-0000-0000-0000-000000000000', undefined],
  ['ffffffff-ffff-ffff-ffff-ffffffffffff', undefined],
  ['not one', undefined],
])('UUID %s', (given, uuid) => {
  expect(parseCapabilities(xml(given))).toEqual({ uuid, cpuModel: 'AMD EPYC', architecture: 'x86_64' })
})

it('is content with little', () => {
  expect(parseCapabilities('<capabilities><host/></capabilities>')).toEqual({
    uuid: undefined,
    cpuModel: undefined,
    architecture: undefined,
  })
})
