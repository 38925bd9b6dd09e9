/**
 * An agent's keeper of limits in a process of its own, on a real libvirtd: `limit-child.ts SOCKET FILE UUID [RATE FOR]`. With a rate it sets a
 * limit; then it stays, and says each second how many VMs are limited.
 */
import { LimitFile } from '../../agent/commands/limit-keeper.js'
import { LibvirtControl } from '../../agent/hypervisor/libvirt/control.js'
import { createLog } from '../../common/log.js'
import { VerbBench } from './verb-bench.js'

const [socket = '', file = '', vmUuid = '', write, duration = '1m'] = process.argv.slice(2)
const control = new LibvirtControl({ socket, runRoot: '/nowhere', uri: 'qemu:///system' })
const bench = new VerbBench(control, vmUuid, new LimitFile(file, createLog('test', 'silent')))
await bench.limits.start()
if (write !== undefined) await bench.run('limit', { write, for: duration })
process.stdout.write('ready\n')
setInterval(() => process.stdout.write(`${bench.limits.count}\n`), 1000)
