import { utcDay } from '../../../common/utc-day.js'
import { buysNothing, priceText, purchaseText, type BuyReport } from '../../planner/capacity/buy-report.js'
import { line, span, type Look } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'

/** What to buy, as it is printed for programs. */
export function buyView({ fleet, bought, demand, profile, catalog, horizonDays, shortFromMs }: BuyReport): object {
  const { today, ways, proven, looked } = bought
  const nameOf = (host: number): string => fleet.hosts[host] ?? ''
  return {
    horizonDays,
    demand: { ...demand, profile },
    today: {
      fits: today.fits,
      exact: today.exact,
      notBorne: today.notBorne.map(({ hosts, vm }) => ({ hosts: hosts.map(nameOf), vm: fleet.vms[vm] ?? '' })),
      lossesNotShown: today.lossesNotShown,
    },
    shortFrom: shortFromMs === undefined ? undefined : utcDay(shortFromMs),
    currency: catalog.currency,
    ways: ways.map(({ price, hosts, memory, rooms }) => ({
      price,
      hosts,
      memory,
      fits: rooms.fits,
      exact: rooms.exact,
    })),
    proven,
    looked,
  }
}

export function renderBuy(report: BuyReport, file: string | undefined, look: Look): string[] {
  const { bought, demand, catalog, shortFromMs, horizonDays } = report
  const { today, ways, proven, looked } = bought
  const kept = demand.losses === 0 ? '' : `, any ${demand.losses === 1 ? 'host' : `${demand.losses} hosts`} lost`
  const [best] = ways
  return [
    line(
      [span(`needed in ${horizonDays} days: room for ${demand.newVms} new VMs${kept}; ${today.fits} fit today`)],
      look,
    ),
    '',
    ...(best === undefined
      ? [
          proven
            ? 'nothing in the catalog is enough'
            : `none was found among the ${looked} baskets that were looked at: something in the catalog may be enough all the same`,
        ]
      : buysNothing(best)
        ? ['nothing has to be bought']
        : renderTable(
            ways,
            [
              { head: 'BUY', drop: 0, shrinkTo: 30, cell: (way) => purchaseText(way) },
              { head: 'PRICE', align: 'right', drop: 0, cell: ({ price }) => priceText(price, catalog.currency) },
              { head: 'THEN FIT', align: 'right', drop: 1, cell: ({ rooms }) => String(rooms.fits) },
            ],
            look,
          )),
    ...notes(
      [
        shortFromMs === undefined
          ? undefined
          : `what is there is enough until ${utcDay(shortFromMs)}, with even growth`,
        today.lossesNotBorne === 0 ? undefined : `${lossesText(today.lossesNotBorne)} not borne as it is`,
        today.lossesNotShown === 0 ? undefined : `${lossesText(today.lossesNotShown)} not shown to be borne as it is`,
        best === undefined || proven ? undefined : 'something cheaper may be enough: not every basket was looked at',
        file === undefined ? undefined : `the report is in ${file}`,
      ],
      look,
    ),
  ]
}

function lossesText(count: number): string {
  return count === 1 ? '1 loss is' : `${count} losses are`
}
