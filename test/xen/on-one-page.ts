import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'

import { kindNames } from '../../controller/web/format/kind-names.js'
import { fleetPath, hostPath } from '../../controller/web/routing/routes.js'
import { answerProblems, kindOf, shownProblems, viewsOf } from '../support/fleet-scan.js'
import { openBrowser } from '../support/mixed-fleet.js'
import { waitFor } from '../support/wait-for.js'
import { patienceMs, type XenLab } from './xen-lab.js'

/** The real Xen beside a real KVM, the simulated elab fleet and a vCenter written by hand. */
export function onOnePage(lab: () => XenLab): void {
  describe('a real Xen on one page with others', () => {
    let browser: Browser
    let page: Page
    beforeAll(async () => {
      browser = await openBrowser()
      page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
      await page.goto(lab().fleet.loginLink)
    })
    afterAll(() => browser?.close())

    it('each with its kind', async () => {
      const { fleet } = lab()
      await waitFor(patienceMs, 'rates of all that run', async () =>
        (await viewsOf(fleet)).vms.every(
          (vm) => vm.state === 'shutoff' || (vm.cpuCores !== undefined && vm.writeBytesPerSecond !== undefined),
        ),
      )
      const { hosts } = await viewsOf(fleet)
      const count: Record<string, number> = {}
      for (const host of hosts) count[kindOf(host)] = (count[kindOf(host)] ?? 0) + 1
      expect(count).toEqual({ xen: 1, kvm: 1, esxi: 2, 'xen, simulated': 4, 'esxi, simulated': 1 })
      await page.goto(`${fleet.url}${fleetPath}`)
      for (const host of hosts) {
        const row = page.locator(`li.host-row[data-host="${host.name}"]`)
        await row.waitFor()
        expect(await row.textContent()).toContain(kindNames[host.kind])
        expect(await row.getByText('simulated').count()).toBe(host.simulated ? 1 : 0)
      }
    })

    it('says on its page what can be measured there, and why not', async () => {
      const host = (await viewsOf(lab().fleet)).hosts.find((one) => kindOf(one) === 'xen')
      const { name, capabilities } = host ?? { name: '', capabilities: [] }
      await page.goto(`${lab().fleet.url}${hostPath(name)}`)
      await page.getByRole('heading', { name: 'What can be measured here' }).waitFor()
      expect(capabilities.length).toBeGreaterThan(10)
      for (const capability of capabilities) {
        const item = page
          .locator('ul.capabilities li')
          .filter({ has: page.getByText(capability.name, { exact: true }) })
        expect(await item.textContent()).toContain(capability.reason)
      }
    })

    it('what cannot be measured is in no answer and nowhere on its page', async () => {
      expect(await answerProblems(lab().fleet)).toEqual([])
      const { problems, knownFigures } = await shownProblems(lab().fleet, page, (kind) => kind === 'xen')
      expect(problems).toEqual([])
      expect(knownFigures).toBeGreaterThan(20)
    })
  })
}
