import { describe, expect, it } from 'vitest'

import { parseStorcli } from './storcli.js'

/** Hand-written after the StorCLI Reference Manual and public reports of what storcli64 and perccli64 7 print; the figures are made up. */
const answer = (data: object, number = 0): object => ({
  'Command Status': { Controller: number, Status: 'Success', Description: 'None' },
  'Response Data': data,
})
const text = (...answers: readonly object[]): string => JSON.stringify({ Controllers: answers })

const virtual = (state: string, cache: string): object => ({
  'DG/VD': '0/239',
  TYPE: 'RAID5',
  State: state,
  Access: 'RW',
  Cache: cache,
  Size: '5.457 TB',
  Name: 'data',
})
const drive = (slot: string, state: string): object => ({
  'EID:Slt': slot,
  DID: 8,
  State: state,
  DG: 0,
  Model: 'ST2000NM0135    ',
})
const controller = (more: object): object => ({
  Basics: { Controller: 0, Model: 'PERC H730P Mini', 'Serial Number': '62H00P1' },
  Status: { 'Controller Status': 'Optimal', 'BBU Status': 0 },
  BBU_Info: [{ Model: 'BBU', State: 'Optimal', RetentionTime: '0 hour(s)', Temp: '34C' }],
  'VD LIST': [virtual('Optl', 'RWBD')],
  'PD LIST': [drive('32:0', 'Onln')],
  ...more,
})
const settings = (initial: string): string =>
  text(answer({ '/c0/v239': [{}], 'VD239 Properties': { 'Write Cache(initial setting)': initial } }))
const counters = (more: object): string =>
  text(
    answer({
      'Drive /c0/e32/s0 - Detailed Information': {
        'Drive /c0/e32/s0 State': {
          'Media Error Count': 0,
          'Predictive Failure Count': 0,
          'S.M.A.R.T alert flagged by drive': 'No',
          ...more,
        },
      },
    }),
  )
const parsed = (more: object, texts: Partial<Parameters<typeof parseStorcli>[0]> = {}) =>
  parseStorcli({
    controllers: text(answer(controller(more))),
    virtualDrives: settings('WriteBack'),
    physicalDrives: counters({}),
    ...texts,
  })[0]

const whole = {
  number: 0,
  model: 'PERC H730P Mini',
  serial: '62H00P1',
  status: 'optimal',
  battery: { kind: 'bbu', state: 'optimal' },
  virtualDrives: [
    {
      id: '0/239',
      name: 'data',
      level: 'raid5',
      state: 'optimal',
      writeCache: 'write-back',
      writeCacheConfigured: 'write-back',
    },
  ],
  physicalDrives: [
    { id: '32:0', model: 'ST2000NM0135', state: 'online', mediaErrors: 0, predictedFailures: 0, smartAlert: false },
  ],
}

it('a controller that is well', () => {
  expect(parsed({})).toEqual(whole)
})

describe('what ails it', () => {
  it.each<[string, object, object]>([
    ['degraded', { 'VD LIST': [virtual('Dgrd', 'RWBD')] }, { virtualDrives: [{ state: 'degraded' }] }],
    ['partially', { 'VD LIST': [virtual('Pdgd', 'RWBD')] }, { virtualDrives: [{ state: 'partially-degraded' }] }],
    ['gone', { 'VD LIST': [virtual('OfLn', 'RWBD')] }, { virtualDrives: [{ state: 'offline' }] }],
    [
      'the cache is off',
      { 'VD LIST': [virtual('Optl', 'NRWTD')] },
      { virtualDrives: [{ writeCache: 'write-through' }] },
    ],
    ['always on', { 'VD LIST': [virtual('Optl', 'RAWBD')] }, { virtualDrives: [{ writeCache: 'write-back-always' }] }],
    ['a drive failed', { 'PD LIST': [drive('32:0', 'Failed')] }, { physicalDrives: [{ state: 'failed' }] }],
    ['a drive is bad', { 'PD LIST': [drive('32:0', 'UBad')] }, { physicalDrives: [{ state: 'unconfigured-bad' }] }],
    ['a word of its own', { 'PD LIST': [drive('32:0', 'Shld')] }, { physicalDrives: [{ state: 'shld' }] }],
    ['charging', { BBU_Info: [{ State: 'Charging' }] }, { battery: { kind: 'bbu', state: 'charging' } }],
    [
      'a CacheVault',
      { BBU_Info: undefined, Cachevault_Info: [{ Model: 'CVPM02', State: 'Dgd' }] },
      { battery: { kind: 'cachevault', state: 'degraded' } },
    ],
    ['a number only', { BBU_Info: undefined, Status: { 'BBU Status': 32 } }, { battery: { state: 'status-32' } }],
    ['no battery', { BBU_Info: undefined, Status: { 'BBU Status': 'NA' } }, { battery: undefined }],
    ['itself', { Status: { 'Controller Status': 'Needs Attention' } }, { status: 'needs-attention' }],
  ])('%s', (_what, more, expected) => {
    expect({ battery: undefined, ...parsed(more) }).toMatchObject(expected)
  })

  it('a rebuild, with how far it is', () => {
    const rebuilds = text(answer([{ 'Drive-ID': '/c0/e32/s0', 'Progress%': 45, Status: 'In progress' }]))
    expect(parsed({ 'PD LIST': [drive('32:0', 'Rbld')] }, { rebuilds })?.physicalDrives[0]).toMatchObject({
      state: 'rebuilding',
      rebuildFraction: 0.45,
    })
    const idle = text(answer([{ 'Drive-ID': '/c0/e32/s0', 'Progress%': '-', Status: 'Not in progress' }]))
    expect(parsed({}, { rebuilds: idle })?.physicalDrives[0]).not.toHaveProperty('rebuildFraction')
  })

  it('errors that a drive counts', () => {
    const physicalDrives = counters({
      'Media Error Count': 12,
      'Predictive Failure Count': 3,
      'S.M.A.R.T alert flagged by drive': 'Yes',
    })
    expect(parsed({}, { physicalDrives })?.physicalDrives[0]).toMatchObject({
      mediaErrors: 12,
      predictedFailures: 3,
      smartAlert: true,
    })
  })
})

it('what is not said is absent: no drives told of, no settings', () => {
  const failed = text({ 'Command Status': { Controller: 0, Status: 'Failure', Description: 'No drive found!' } })
  const found = parsed({ BBU_Info: undefined, Status: {} }, { virtualDrives: failed, physicalDrives: failed })
  expect(found).toMatchObject({ status: '', virtualDrives: [{ id: '0/239' }], physicalDrives: [{ id: '32:0' }] })
  expect(found).not.toHaveProperty('battery')
  expect(found?.virtualDrives[0]).not.toHaveProperty('writeCacheConfigured')
  expect(found?.physicalDrives[0]).not.toHaveProperty('mediaErrors')
})

it('drives without an enclosure', () => {
  const physicalDrives = text(
    answer({ 'Drive /c0/s3 - Detailed Information': { 'Drive /c0/s3 State': { 'Media Error Count': 1 } } }),
  )
  expect(parsed({ 'PD LIST': [drive(' :3', 'Onln')] }, { physicalDrives })?.physicalDrives).toMatchObject([
    { mediaErrors: 1 },
  ])
})

describe('what is no answer', () => {
  const parse = (controllers: string): unknown =>
    parseStorcli({ controllers, virtualDrives: text(), physicalDrives: text() })

  it.each([
    [
      'no controller',
      text({ 'Command Status': { Status: 'Failure', Description: 'No Controller found' } }),
      'no MegaRAID controller',
    ],
    ['none listed', text(), 'no MegaRAID controller'],
    ['nothing', '', 'storcli /call: expected JSON, got nothing'],
    ['words', 'Segmentation fault', 'expected JSON'],
    ['something else', '{}', 'expected a list called Controllers'],
    [
      'a refusal',
      text({ 'Command Status': { Controller: 0, Status: 'Failure', Description: 'Un-supported command' } }),
      'got "Failure": Un-supported command',
    ],
    ['a drive without a place', text(answer(controller({ 'PD LIST': [{ State: 'Onln' }] }))), 'expected EID:Slt'],
  ])('%s', (_what, controllers, message) => {
    expect(() => parse(controllers)).toThrow(message)
  })
})
