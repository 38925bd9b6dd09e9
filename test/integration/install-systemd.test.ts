import { resolve } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { waitFor } from '../support/wait-for.js'
import { startSystemdBox, systemdBoxMissing, type SystemdBox } from '../support/systemd-box.js'

const missing = systemdBoxMissing()

const data = '/var/lib/headroom-agent'
/** Another than the agent's default, so that it has to remember it. */
const controllerAddress = '127.0.0.2:8421'

/**
 * What Debian's libvirt-daemon-system brings to a machine. A test needs nothing else of that package, which starts a daemon on
 * the machine that it is installed on.
 */
const bringLibvirt = `
  getent group libvirt || groupadd --system libvirt
  getent passwd libvirt-qemu || useradd --system --no-create-home libvirt-qemu
  mkdir -p /etc/libvirt
  printf 'auth_unix_%s = "none"\\n' ro rw > /etc/libvirt/libvirtd.conf
  printf '[Service]\\nType=notify\\nExecStart=/usr/sbin/libvirtd\\n' > /etc/systemd/system/libvirtd.service
  systemctl daemon-reload`

/** The entries of a list that the command line printed as JSON. */
function listOf(json: string, key: string): readonly Record<string, unknown>[] {
  const list = z.looseObject({ [key]: z.array(z.record(z.string(), z.unknown())) })
  return list.parse(JSON.parse(json))[key] ?? []
}

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
  const statusText = (): Promise<string> => sh('systemctl show -P StatusText headroom-agent')

  /** What the line printed where it fails. */
  async function failing(line: string): Promise<string> {
    const { code, stdout, stderr } = await box.sh(line)
    expect(code, `${line}\n${stdout}${stderr}`).not.toBe(0)
    return stderr
  }

  const agentId = (): Promise<string> => sh(`sed 's/.*"agentId":"\\([^"]*\\)".*/\\1/' ${data}/identity.json`)

  /** Waits until the agent of this identity reports for this machine. */
  async function reports(id: string): Promise<void> {
    await waitFor(40_000, `${id} to report`, async () => {
      const [agents, hosts] = [await box.sh('headroom agent list --json'), await box.sh('headroom host list --json')]
      if (agents.code !== 0 || hosts.code !== 0) return false
      const connected = listOf(agents.stdout, 'agents').some(
        (agent) => agent['id'] === id && agent['connected'] === true,
      )
      return connected && listOf(hosts.stdout, 'hosts').some((host) => host['status'] === 'up')
    })
  }

  /** What `headroom agent join-token` prints, run on the host. */
  const join = async (options = ''): Promise<string> => {
    const command = await sh('headroom agent join-token --host $(hostname)')
    expect(command).toMatch(new RegExp(`^headroom-agent join --controller ${controllerAddress} --token \\S+$`))
    return sh(`umask 000; cd /; ${command} ${options}`)
  }

  test('one command joins a machine; restarts, revocation and joining anew, as docs/install.md says', async () => {
    await sh(bringLibvirt)
    await sh('systemctl start libvirtd')
    await sh('sh /opt/source/deploy/install.sh --controller')
    await sh(
      `echo 'grpc: { host: "0.0.0.0", advertise: "${controllerAddress}" }' >> /etc/headroom/controller.yaml; systemctl enable --now headroom-controller`,
    )
    // At once: it was started when it answered.
    expect(await sh('headroom status')).toContain('Hosts')
    await sh(
      'tar -C /usr/local/lib -cz headroom | (tar -xz -C /root && sh /root/headroom/deploy/install.sh --agent && rm -r /root/headroom)',
    )
    expect(await sh('stat -c "%U %a" /var/lib/headroom /var/lib/headroom-agent')).toBe(
      'headroom-controller 700\nheadroom-agent 700',
    )

    const nobody = 'setpriv --reuid nobody --regid nogroup --clear-groups'
    const byNobody = await failing(`${nobody} $(headroom agent join-token)`)
    expect(byNobody).toContain('/var/lib/headroom-agent/identity.json cannot be read: EACCES')
    expect(byNobody).toContain('run this as root')

    await sh('touch /run/before')
    expect(await join()).toMatch(/^Joined \S+ as agent-[0-9a-f]{16} for \S+\.\nThe service headroom-agent runs; /)
    expect(await sh('find /etc /usr/local /home /srv /opt /var/tmp -xdev -newer /run/before -type f')).toBe('')
    const foreign = `find ${data} ! -user headroom-agent -o ! -group headroom-agent -o -perm /077`
    expect(await sh(foreign)).toBe('')
    const first = await agentId()
    await reports(first)
    expect(await sh('systemctl is-enabled headroom-agent')).toBe('enabled')
    expect(await sh('ps -o user:32= -p $(systemctl show -P MainPID headroom-agent)')).toBe('headroom-agent')
    await waitFor(10_000, 'the status line', async () => (await statusText()) === 'connected to the controller')
    expect(await journal()).not.toContain('/login')

    await sh('systemctl restart headroom-controller headroom-agent')
    await reports(first)

    await sh('headroom agent revoke $(hostname)')
    const revoked = 'this agent was revoked by the controller'
    const says = async (): Promise<boolean> =>
      (await statusText()).startsWith(revoked) && (await sh('systemctl status headroom-agent')).includes(revoked)
    await waitFor(20_000, 'the agent to say that it was revoked', says)
    expect(await journal()).toContain(revoked)
    await sh('systemctl restart headroom-agent')
    await waitFor(30_000, 'the agent to say it again', says)
    expect(await failing('headroom agent revoke $(hostname)')).toContain('no agent has the id or name')

    // A machine where only a group may read libvirt, and a token in a file that only root may read.
    await sh('chmod 0770 /run/libvirt/libvirt-sock*; chgrp libvirt /run/libvirt/libvirt-sock*')
    await sh('umask 077; headroom agent join-token | sed "s/.* //" > /root/token')
    const withFile = `headroom-agent join --controller ${controllerAddress} --token-file /root/token --replace`
    expect(await failing(withFile)).toContain('/run/libvirt/libvirt-sock')
    await sh('sh /opt/source/deploy/install.sh --agent --drop-in libvirt-group')
    expect(await sh(withFile)).toContain('The service headroom-agent runs; ')
    expect(await failing(withFile)).toContain('the join token is not known, or was used before')
    const second = await agentId()
    expect(second).not.toBe(first)
    await reports(second)
    expect(await sh(foreign)).toBe('')
    await waitFor(10_000, 'the status line', async () => (await statusText()) === 'connected to the controller')

    const controller = await pidOf('headroom-controller')
    expect(await sh('sh /opt/source/deploy/install.sh')).toContain('Nothing to change.')
    expect(await pidOf('headroom-controller')).toBe(controller)

    // Both run what is in the one package, whichever it was that was to be upgraded.
    await sh('cp -r /usr/local/lib/headroom /root/newer; echo >> /root/newer/README.md')
    await sh('sh /root/newer/deploy/install.sh --agent; rm -r /root/newer')
    expect(await pidOf('headroom-controller')).not.toBe(controller)

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
    // systemd may remember the name of a unit for a while.
    expect(await sh('systemctl list-units --all --no-legend --state=loaded "headroom*"')).toBe('')
    expect(await sh('ps -u headroom-controller,headroom-agent -o args= || true')).toBe('')
    expect(await sh('ls /var/lib/headroom/controller /etc/headroom')).toContain('controller.yaml')
    await sh('sh /opt/source/deploy/uninstall.sh --purge')
    const left = 'find /etc /usr/local /var/lib -xdev -name "*headroom*"; getent passwd | grep headroom || true'
    expect(await sh(left)).toBe('')
  }, 300_000)

  test('a wrong configuration stops the service and says why; it is not started over and over', async () => {
    await sh('sh /opt/source/deploy/install.sh --controller')
    await failing('echo "prot: 1" >> /etc/headroom/controller.yaml; systemctl start headroom-controller')
    await waitFor(50_000, 'the service to fail', async () => {
      return (await box.sh('systemctl is-failed --quiet headroom-controller')).code === 0
    })
    expect(await sh('systemctl show -P ExecMainStatus headroom-controller')).toBe('2')
    expect(await sh('systemctl show -P NRestarts headroom-controller')).toBe('0')
    expect(await journal()).toContain('prot: expected a known key')
  }, 120_000)
})
