import { expect, it } from 'vitest'

import { catalogText, elabSpec } from '../../../test/support/deployed-fleets.js'
import { GiB } from '../../../common/units.js'
import { fleetRooms } from '../fleet-file/fleet-rooms.js'
import { renderBuy } from '../../cli/render/buy.js'
import { cheapest, type Bought } from './buy.js'
import { buyReport, html, markdown, type BuyReport } from './buy-report.js'
import { parseCatalog, type Catalog } from './catalog.js'
import { newVmsOfGrowth, shortFrom } from './demand.js'
import type { RoomFleet } from './room-fleet.js'
import { countRooms } from './rooms.js'
import { changed, nothingChanged } from './what-if.js'

const profile = { memoryBytes: GiB, vcpus: 1, localDiskBytes: 0 }
const elab = fleetRooms(elabSpec, profile, { vcpusPerCore: undefined })
const catalog = parseCatalog(catalogText, 'catalog.yaml')

function buy(newVms: number, goods: Catalog = catalog, losses = 1): Bought {
  return cheapest(elab, goods, { newVms, losses })
}

function reportOf(bought: Bought, goods: Catalog = catalog): BuyReport {
  return {
    fleet: elab,
    catalog: goods,
    bought,
    demand: { newVms: 7, losses: 1 },
    profile,
    now: 0,
    horizonDays: 365,
    basis: 'A guess.',
    shortFromMs: undefined,
  }
}

/** The lowest price of all baskets of the sample catalog that hold. */
function cheapestByHand(newVms: number): number {
  const hosts = ['xenhv01', 'xenhv02', 'xenhv03', 'xenhv04']
  let best = Infinity
  for (let small = 0; small <= 2; small += 1) {
    for (let large = 0; large <= 2; large += 1) {
      for (let kits = 0; kits < 16; kits += 1) {
        const given = hosts.filter((_, at) => ((kits >> at) & 1) === 1)
        const price = small * 1900 + large * 3200 + given.length * 140
        if (price >= best) continue
        const host = (memoryGiB: number, at: number) => ({
          name: `n${memoryGiB}-${at}`,
          memoryBytes: memoryGiB * GiB,
          cores: 8,
        })
        const { fleet } = changed(elab, {
          ...nothingChanged,
          addHosts: [
            ...Array.from({ length: small }, (_, at) => host(32, at)),
            ...Array.from({ length: large }, (_, at) => host(64, at)),
          ],
          addMemory: given.map((name) => ({ host: name, bytes: 8 * GiB })),
        })
        const rooms = countRooms(fleet, 1)
        if (rooms.lossesNotBorne === 0 && rooms.fits >= newVms) best = price
      }
    }
  }
  return best
}

it.each([0, 7, 25, 60])('finds the cheapest of all baskets for %i new VMs', (newVms) => {
  const { ways, proven } = buy(newVms)
  expect(proven).toBe(true)
  expect(ways[0]?.price).toBe(cheapestByHand(newVms))
  expect(ways[0]?.rooms.fits).toBeGreaterThanOrEqual(newVms)
})

it('buys nothing where all holds, and says so where nothing is enough', () => {
  expect(buy(3, catalog, 0).ways.map(({ price }) => price)).toEqual([0])
  expect(buy(500).ways).toEqual([])
})

/** Four hosts of 12 GiB on one array, each with 9 GiB of VMs. */
function crowdedFleet(): RoomFleet {
  const hosts = ['a', 'b', 'c', 'd']
  return {
    hosts,
    vms: hosts.flatMap((host) => [0, 1, 2].map((at) => `${host}${at}`)),
    start: Int32Array.from({ length: 12 }, (_, vm) => Math.floor(vm / 3)),
    resources: [
      {
        name: 'memory',
        most: new Float64Array(4).fill(12 * GiB),
        use: new Float64Array(12).fill(3 * GiB),
        perNew: GiB,
      },
    ],
    takesNew: new Uint8Array(4).fill(1),
    restarts: () => true,
    newRestarts: () => true,
    moves: () => true,
    reserveBytes: new Float64Array(4),
    vcpusPerCore: new Float64Array(4).fill(1),
  }
}

/** Kits of so many GiB at 1 apiece for each GiB, and a large host. */
function kits(sizesGiB: readonly number[], hostPrice: number, perHost = 3): Catalog {
  const memory = sizesGiB.map(
    (size) => `{ name: ${size} GiB kit, memory: ${size}GiB, price: ${size}, perHost: ${perHost} }`,
  )
  const host = `{ name: large, memory: 128GiB, cores: 64, price: ${hostPrice} }`
  return parseCatalog(`memory: [${memory.join(', ')}]\nhosts: [${host}]`, 'c')
}

it('looks once at baskets that come to the same', () => {
  // 2,401 amounts for four hosts; kits in another order are the same.
  const { ways, proven } = cheapest(crowdedFleet(), kits([1, 2], 1000), { newVms: 4, losses: 1 })
  expect(proven).toBe(true)
  expect(ways[0]?.memory.length).toBeGreaterThan(0)
  expect(ways[0]?.price).toBeLessThan(24)
})

it('goes on with hosts alone where it gives up among mixtures', () => {
  const few = { counted: 50, looked: 1000 }
  const { ways, proven } = cheapest(crowdedFleet(), kits([1, 2], 20), { newVms: 4, losses: 1 }, few)
  expect(ways.map(({ hosts, memory }) => [hosts, memory])).toEqual([[[{ name: 'large', count: 1 }], []]])
  expect(proven).toBe(false)
})

it('says that it found none where it gave up, and that nothing is enough only where that is shown', () => {
  const saying = (bought: Bought): string[] => {
    const report = { ...reportOf(bought), fleet: crowdedFleet(), demand: { newVms: 9999, losses: 1 } }
    return [
      buyReport(report).flatMap((block) => ('text' in block && /catalog/u.test(block.text) ? block.text : [])),
      renderBuy(report, undefined, { width: 200, colour: false, now: 0, timeZone: undefined }),
    ].flat()
  }
  const none: Bought = { today: countRooms(crowdedFleet(), 1), ways: [], proven: false, looked: 3002 }
  expect(saying(none).join('\n')).toMatch(/None was found among the 3002 baskets[^]*none was found among the 3002/u)
  expect(saying({ ...none, proven: true }).join('\n')).toMatch(
    /Nothing in the catalog is enough[^]*nothing in the catalog/u,
  )
})

it('buys a second host for the only one', () => {
  const one = { ...crowdedFleet(), hosts: ['a'], vms: ['x'], start: new Int32Array(1) }
  const memory = {
    name: 'memory' as const,
    most: Float64Array.of(12 * GiB),
    use: Float64Array.of(9 * GiB),
    perNew: GiB,
  }
  const fleet = { ...one, resources: [memory], takesNew: Uint8Array.of(1) }
  const { today, ways } = cheapest(fleet, kits([1], 20), { newVms: 1, losses: 1 })
  expect(today.fits).toBe(0)
  expect(ways[0]?.hosts).toEqual([{ name: 'large', count: 1 }])
})

it('shares the slots of a host among kinds of memory', () => {
  const bought = cheapest(crowdedFleet(), kits([1, 2], 1e6, 2), { newVms: 4, losses: 1 })
  expect(bought.ways.length).toBeGreaterThan(0)
  for (const { memory } of bought.ways)
    for (const host of ['a', 'b', 'c', 'd'])
      expect(memory.filter((one) => one.host === host).reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(
        4,
      )
})

it('tells of goods that cost nothing as of any others', () => {
  const free = parseCatalog('hosts: [{ name: gift, memory: 64GiB, cores: 16, price: 0 }]', 'c')
  const text = markdown(buyReport(reportOf(buy(7, free), free)))
  expect(text).toMatch(/\d × gift: 0\. Nothing cheaper/u)
  expect(text).not.toContain('Nothing has to be bought')
})

it('shows what it costs with hosts alone beside the cheapest', () => {
  expect(buy(7).ways.map(({ hosts, memory }) => [hosts.length > 0, memory.length > 0])).toEqual([
    [false, true],
    [true, false],
  ])
})

it('says what growth means in VMs, and from when on it is not enough', () => {
  expect(newVmsOfGrowth(elab, 0.2)).toBe(7)
  expect(shortFrom(0, 360, 10, 10)).toBeUndefined()
  expect(shortFrom(0, 360, 10, 5)).toBe(180 * 86_400_000)
})

it.each([
  ['hosts: []', /hosts or memory, at least one of either/],
  [
    'hosts: [{ name: a, memory: 32, cores: 8, price: 1 }]',
    /hosts\.0\.memory: expected a size such as 512MiB or 2GB, got 32/,
  ],
  ['memory: [{ name: a, memory: 8GiB, price: 1, colour: red }]', /colour/],
])('refuses the catalog %s', (text, message) => {
  expect(() => parseCatalog(text, 'c')).toThrow(message)
})

it('writes a report as Markdown and HTML, names as text', () => {
  const goods = parseCatalog('hosts: [{ name: "<b>|big", memory: 64GiB, cores: 16, price: 3200.5 }]', 'c')
  const report = reportOf(buy(7, goods), goods)
  const text = markdown(buyReport(report))
  expect(text).toContain('# What to buy')
  expect(text).toContain(String.raw`\<b\>\|big`)
  expect(text).toContain('6,401')
  expect(text).toContain('if xenhv04 is lost, ')
  expect(html(buyReport(report))).toContain('&lt;b&gt;|big')
})
