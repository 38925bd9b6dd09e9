import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { perfAnswer, reply } from '../../../test/support/vsphere-double-answers.js'
import { makeWorld } from '../../../test/support/vsphere-double-world.js'
import { parseXml } from '../libvirt/xml.js'
import { entitiesIn } from './perf-text.js'
import { SoapFault, SoapFormatError } from './soap-message.js'

function answer(inside: string): string {
  return `<?xml version="1.0"?><s:Envelope xmlns:s="e"><s:Body><QueryPerfResponse xmlns="urn:vim25">${inside}</QueryPerfResponse></s:Body></s:Envelope>\n`
}

const info = '<sampleInfo><timestamp>2027-01-15T08:00:00Z</timestamp><interval>20</interval></sampleInfo>'
const one = (series: string): string =>
  `<returnval xsi:type="PerfEntityMetric" xmlns:xsi="x"><entity type="VirtualMachine">vm-1</entity>${info}${series}</returnval>`
const id = (instance: string): string => `<id><counterId>7</counterId>${instance}</id>`

/** The same answer with a comment, which only XML can have. */
function asXml(text: string): string {
  return text.replace('<returnval', '<!-- --><returnval')
}

const recorded = ['esx', 'vpx'].flatMap((server) =>
  ['HostSystem', 'VirtualMachine'].map((type): [string, string] => {
    const file = `../../../test/fixtures/vsphere/vcsim-${server}/QueryPerf-${type}.xml`
    return [`recorded, ${server} ${type}`, readFileSync(new URL(file, import.meta.url), 'utf8')]
  }),
)

function ofDouble(): string {
  const nowMs = 1_800_000_005_000
  const world = makeWorld({ hosts: 1, vms: 3, nowMs })
  const metrics = [700, 702, 710].map(
    (key) => `<metricId><counterId>${key}</counterId><instance>scsi0:0</instance></metricId>`,
  )
  const habits = { nowMs, dropsZeros: true, newestFirst: true, startsInclusively: false, lateByMs: () => 0 }
  const specs = world.vms.map(({ id: vm }) =>
    parseXml(
      `<querySpec><entity type="VirtualMachine">${vm}</entity><maxSample>9</maxSample>${metrics.join('')}</querySpec>`,
    ),
  )
  return reply(
    'QueryPerf',
    specs.map((spec) => perfAnswer(world, spec, habits)),
  )
}

describe('an answer in the plain form says the same as read as XML', () => {
  it.each<[string, string]>([
    ...recorded,
    ['of the double', ofDouble()],
    ['without series', answer(one(''))],
    ['an empty series', answer(one(`<value xsi:type="PerfMetricIntSeries">${id('<instance></instance>')}</value>`))],
    ['no instance', answer(one(`<value>${id('')}<value>1</value><value>-1</value></value>`))],
    ['an empty instance', answer(one(`<value>${id('<instance/>')}<value>1</value></value>`))],
  ])('%s', (_name, text) => {
    const entities = entitiesIn(text)
    expect(entities.length).toBeGreaterThan(0)
    expect(entities).toEqual(entitiesIn(asXml(text)))
  })
})

describe('any other form is read as XML', () => {
  it.each<[string, string, string]>([
    ['an entity in an instance', `<value>${id('<instance>a&amp;b</instance>')}<value>1</value></value>`, 'a&b'],
    ['blanks between elements', `<value> ${id('<instance>c</instance>')} <value>1</value> </value>`, 'c'],
    ['CDATA', `<value>${id('<instance><![CDATA[d]]></instance>')}<value>1</value></value>`, 'd'],
    ['attributes of values', `<value>${id('<instance>e</instance>')}<value x="y">1</value></value>`, 'e'],
  ])('%s', (_name, series, instance) => {
    expect(entitiesIn(answer(one(series)))).toMatchObject([
      { entityId: 'vm-1', infos: [{ interval: '20' }], series: [{ counterId: '7', instance, values: ['1'] }] },
    ])
  })

  it('no entity at all', () => {
    expect(entitiesIn(answer(''))).toEqual([])
  })
})

it.each([
  ['broken off', answer(one('')).slice(0, -40), SoapFormatError],
  ['broken in the middle', answer(`${one('')}<returnval>`), SoapFormatError],
  [
    'a fault',
    '<s:Envelope xmlns:s="e"><s:Body><s:Fault><faultcode>x</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>',
    SoapFault,
  ],
  ['another answer', answer(one('')).replaceAll('QueryPerf', 'Other'), SoapFormatError],
])('%s is refused', (_name, text, kind) => {
  expect(() => entitiesIn(text)).toThrow(kind)
})
