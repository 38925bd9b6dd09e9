import { resolve } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { waitFor } from '../support/running-product.js'
import { startSystemdBox, systemdBoxMissing, type SystemdBox } from '../support/systemd-box.js'

const missing = systemdBoxMissing()

/** The hardened services under a real systemd: what verify and security say of them is not yet that they run. */
describe.skipIf(missing !== undefined)(`under a real systemd${missing === undefined ? '' : ` (${missing})`}`, () => {
  let box: SystemdBox
  beforeAll(async () => {
    box = await startSystemdBox(resolve(import.meta.dirname, '../..'))
  })
  afterAll(() => box.stop())

  /** What the line printed; it has to succeed. */
  async function sh(line: string): Promise<string> {
    const { code, stdout, stderr } = await box.sh(line)
    expect(code, `${line}\n${stdout}${stderr}`).toBe(0)
    return stdout.trim()
  }
  const pidOf = (unit: string): Promise<string> => sh(`systemctl show -P MainPID ${unit}`)
  const journal = (): Promise<string> =>
    sh('journalctl --sync; journalctl -o cat -u headroom-agent -u headroom-controller')

  test('installs, starts and reports; a drop-in takes effect; is removed without a trace', async () => {
    await sh('sh /opt/source/deploy/install.sh --controller --agent')
    expect(await sh('stat -c "%U %a" /var/lib/headroom /var/lib/headroom-agent')).toBe(
      'headroom-controller 700\nheadroom-agent 700',
    )
    await sh('sed -i "s/localAgent: false/localAgent: true/" /etc/headroom/controller.yaml')
    await sh('systemctl enable --now headroom-controller')
    const token = '/var/lib/headroom/controller/local-join-token'
    await waitFor(30_000, 'the controller’s token', async () => (await box.sh(`[ -s ${token} ]`)).code === 0)
    await sh(`install -o headroom-agent -m 600 ${token} /var/lib/headroom-agent/join-token`)
    const config = [
      'data: /var/lib/headroom-agent',
      'controllers: [{ address: "127.0.0.1:8421", joinTokenFile: /var/lib/headroom-agent/join-token }]',
      'hypervisors: [{ kind: simulated, fleet: /usr/local/lib/headroom/deploy/fleets/tiny.yaml }]',
    ]
    await sh(`printf '%s\\n' '${config.join("' '")}' > /etc/headroom/agent.yaml`)
    await sh('systemctl enable --now headroom-agent')
    await waitFor(40_000, 'a host that is up', async () => {
      const { stdout } = await box.sh('headroom host list --json')
      return stdout.includes('"status": "up"') || stdout.includes('"status":"up"')
    })
    expect(await sh('ps -o user:32= -p $(systemctl show -P MainPID headroom-agent)')).toBe('headroom-agent')
    expect(await journal()).not.toContain('/login')

    const controller = await pidOf('headroom-controller')
    expect(await sh('sh /opt/source/deploy/install.sh')).toContain('Nothing to change.')
    expect(await pidOf('headroom-controller')).toBe(controller)

    // Changed, so it is started anew; now with the two capabilities that /proc/PID/io takes.
    const agent = await pidOf('headroom-agent')
    expect(await sh(`grep CapEff /proc/${agent}/status`)).toMatch(/\s0+$/)
    await sh('sh /opt/source/deploy/install.sh --agent --drop-in proc-io')
    const again = await pidOf('headroom-agent')
    expect(again).not.toBe(agent)
    expect(await sh(`grep CapEff /proc/${again}/status`)).toMatch(/\s0*80004$/)
    await sh(
      'setpriv --reuid headroom-agent --regid headroom-agent --clear-groups --inh-caps=-all,+sys_ptrace,+dac_read_search --ambient-caps=-all,+sys_ptrace,+dac_read_search cat /proc/1/io',
    )

    await sh('sh /usr/local/lib/headroom/deploy/uninstall.sh')
    expect(await sh('systemctl list-units --all --no-legend "headroom*"')).toBe('')
    expect(await sh('ls /var/lib/headroom/controller /etc/headroom')).toContain('agent.yaml')
    await sh('sh /opt/source/deploy/uninstall.sh --purge')
    const left = 'find /etc /usr/local /var/lib -xdev -name "*headroom*"; getent passwd | grep headroom || true'
    expect(await sh(left)).toBe('')
  })

  test('a wrong configuration stops the service and says why; it is not started over and over', async () => {
    await sh('sh /opt/source/deploy/install.sh --controller')
    await sh('echo "prot: 1" >> /etc/headroom/controller.yaml; systemctl start headroom-controller')
    await waitFor(20_000, 'the service to fail', async () => {
      return (await box.sh('systemctl is-failed --quiet headroom-controller')).code === 0
    })
    expect(await sh('systemctl show -P ExecMainStatus headroom-controller')).toBe('2')
    expect(await sh('systemctl show -P NRestarts headroom-controller')).toBe('0')
    expect(await journal()).toContain('prot: expected a known key')
  })
})
