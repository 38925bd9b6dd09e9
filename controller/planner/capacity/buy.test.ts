import { expect, it } from 'vitest'

import { catalogText, elabSpec } from '../../../test/support/deployed-fleets.js'
import { GiB } from '../../../common/units.js'
import { fleetRooms } from '../fleet-file/fleet-rooms.js'
import { cheapest, type Bought } from './buy.js'
import { buyReport, html, markdown } from './buy-report.js'
import { parseCatalog, type Catalog } from './catalog.js'
import { newVmsOfGrowth, shortFrom } from './demand.js'
import { countRooms } from './rooms.js'
import { changed, nothingChanged } from './what-if.js'

const profile = { memoryBytes: GiB, vcpus: 1, localDiskBytes: 0 }
const elab = fleetRooms(elabSpec, profile, { vcpusPerCore: undefined })
const catalog = parseCatalog(catalogText, 'catalog.yaml')

function buy(newVms: number, goods: Catalog = catalog, losses = 1): Bought {
  return cheapest(elab, goods, { newVms, losses })
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
  const bought = buy(7, goods)
  const report = {
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
  const text = markdown(buyReport(report))
  expect(text).toContain('# What to buy')
  expect(text).toContain(String.raw`\<b\>\|big`)
  expect(text).toContain('6,401')
  expect(text).toContain('if xenhv04 is lost, ')
  expect(html(buyReport(report))).toContain('&lt;b&gt;|big')
})
