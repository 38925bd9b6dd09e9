import { once } from 'node:events'
import { parseArgs } from 'node:util'

import { temporaryDirectory } from '../support/running-product.js'
import { bootXen } from './boot-xen.js'
import { controllerPort, joinFromDom0, startController } from './product-on-xen.js'
import { defineXenGuests } from './xen-guest.js'

/** A Xen host to look around in, until Ctrl-C. */
const usage = `Usage: npx tsx test/xen/main.ts [--guests N] [--product]

  --guests N   paravirtual guests (1)
  --product    with the built agent in dom0, and a controller here
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '1' },
      product: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const stops: (() => Promise<void>)[] = []
  try {
    const controller = values.product ? await startController(await dataDirectory(stops)) : undefined
    stops.push(async () => controller?.stop())
    const outsidePorts = controller === undefined ? {} : { [controllerPort]: controller.grpcPort }
    const xen = await bootXen({ product: values.product, outsidePorts, onProgress: console.log })
    stops.push(() => xen.stop())
    // Before it is up, Ctrl-C ends this process, and the host with it.
    const asked = once(process, 'SIGINT')
    console.log(`dom0 was ready after ${Math.round(xen.bootMs / 1000)} s; to go there:`)
    const { keyFile, knownHostsFile, port, user, host } = xen.ssh
    console.log(`  ssh -F none -i ${keyFile} -o UserKnownHostsFile=${knownHostsFile} -p ${port} ${user}@${host}`)
    const names = Array.from({ length: Number(values.guests) }, (_, index) => ({ name: `pv${index + 1}` }))
    for (const guest of await defineXenGuests(xen, names)) {
      await guest.start()
      console.log(`${guest.name} has booted`)
    }
    if (controller !== undefined) {
      await joinFromDom0(xen, controller)
      console.log(`the agent has joined; the page:\n  ${(await controller.cli('login')).trim()}`)
    }
    console.log('Ctrl-C ends it')
    await asked
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

async function dataDirectory(stops: (() => Promise<void>)[]): Promise<string> {
  const directory = await temporaryDirectory('headroom-on-xen-')
  stops.push(() => directory.remove())
  return directory.path
}

await main()
