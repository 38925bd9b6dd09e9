import { resolve } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startSystemdBox, systemdBoxMissing, type SystemdBox } from '../support/systemd-box.js'
import { waitFor } from '../support/wait-for.js'

const missing = systemdBoxMissing()

/** All files and accounts of a machine, but for what its own services write and forget; into a file that is none of them. */
const witness = (name: string): string => `{
  find /etc /usr /var /opt /srv /root /home -xdev \\( -path '/root/out*' -o -path /opt/source -o -path /var/log -o -path /var/lib/systemd \\
    -o -path /var/cache -o -path '/root/.*' -o -path '/etc/*-' -o -path /etc/.pwd.lock -o -path /etc/sysusers.d \\) -prune -o -print | sort
  ls /etc/sysusers.d
  cat /etc/passwd /etc/group /etc/shadow /etc/gshadow | sort
  systemctl list-unit-files --no-legend --no-pager | sort
  } > /tmp/${name}`
const difference = (one: string, other: string): string => `diff /tmp/${one} /tmp/${other} | grep '^[<>]' || true`

/** A controller with an agent of a simulated fleet, as docs/install.md says; another agent that joined and is elsewhere. */
const install = `set -e
  sh /opt/source/deploy/install.sh --controller --agent --drop-in proc-io
  echo 'grpc: { host: "0.0.0.0", advertise: "127.0.0.2:8421" }' >> /etc/headroom/controller.yaml
  echo 'limits: { vmMemory: 2GiB }' > /etc/headroom/policy.yaml
  echo 'hypervisors: [{ kind: simulated, fleet: /usr/local/lib/headroom/deploy/fleets/tiny.yaml }]' >> /etc/headroom/agent.yaml
  mkdir -p /etc/systemd/system/headroom-controller.service.d
  printf '[Service]\\nMemoryMax=3G\\n' > /etc/systemd/system/headroom-controller.service.d/override.conf
  echo secret > /etc/headroom/influx-password
  systemctl daemon-reload
  systemctl enable --now headroom-controller
  $(headroom agent join-token)
  echo '{ data: /root/second, name: hv07, hypervisors: [{ kind: simulated, fleet: /opt/source/deploy/fleets/elab.yaml }] }' > /root/second.yaml
  $(headroom agent join-token) --config /root/second.yaml --no-start
  rm -r /root/second /root/second.yaml`

describe.skipIf(missing !== undefined)(`under a real systemd${missing === undefined ? '' : ` (${missing})`}`, () => {
  let box: SystemdBox
  beforeAll(async () => {
    box = await startSystemdBox(resolve(import.meta.dirname, '../..'))
  })
  afterAll(() => box.stop())

  async function sh(line: string): Promise<string> {
    const { code, stdout, stderr } = await box.sh(line)
    expect(code, `${line}\n${stdout}${stderr}`).toBe(0)
    return stdout.trim()
  }

  async function installed(): Promise<void> {
    await sh(install)
    await waitFor(40_000, 'history of the fleet', async () => {
      const { stdout } = await box.sh('headroom vm list --json; headroom events --json')
      return stdout.includes('"mail"') && stdout.includes('"running"')
    })
  }

  test('takes everything out, then nothing is left; what is not its own stays', async () => {
    await sh(
      'mkdir -p /usr/local/bin /etc/headroom /etc/sysusers.d; echo other > /usr/local/bin/headroom-other; echo key > /etc/headroom/own',
    )
    await sh(witness('before'))
    await installed()
    await sh(witness('running'))

    // A dry run says all of it, and does nothing.
    const steps = await sh('headroom leave /root/out --delete-data --dry-run')
    expect(steps.replaceAll(/^\d+\. /gm, '').split('\n')).toEqual([
      'stop headroom-controller, if it runs',
      'write all that the controller in /var/lib/headroom knows to /root/out (history as csv)',
      'would run systemctl disable --now headroom-controller.service',
      'would remove /etc/systemd/system/headroom-controller.service.d',
      'would remove /etc/headroom/controller.yaml',
      'would remove /etc/headroom/policy.yaml',
      'would remove /var/lib/headroom',
      'would run userdel headroom-controller',
      'would remove /etc/sysusers.d/headroom-controller.conf',
      'would remove /etc/systemd/system/headroom-controller.service',
      'would run systemctl disable --now headroom-agent.service',
      'would remove /etc/systemd/system/headroom-agent.service.d/proc-io.conf',
      'would remove /etc/systemd/system/headroom-agent.service.d',
      'would remove /etc/headroom/agent.yaml',
      'would remove /var/lib/headroom-agent',
      'would run userdel headroom-agent',
      'would remove /etc/sysusers.d/headroom-agent.conf',
      'would remove /etc/systemd/system/headroom-agent.service',
      'would run systemctl daemon-reload',
      'would remove /usr/local/bin/headroom-controller',
      'would remove /usr/local/bin/headroom',
      'would remove /usr/local/bin/headroom-agent',
      'would remove /usr/local/lib/headroom',
    ])
    expect(await box.sh('headroom leave /root/out < /dev/null')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes goes on without asking'),
    })
    expect(await box.sh('headroom leave /var/lib/headroom/out --delete-data --yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('would be deleted with /var/lib/headroom'),
    })
    expect(await box.sh('headroom leave /usr/local --yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/usr/local exists and is no export of headroom'),
    })
    expect(await sh('systemctl is-active headroom-controller headroom-agent')).toBe('active\nactive')
    // What the services themselves write lies in their state.
    await sh(witness('undone'))
    const changed = (await sh(difference('running', 'undone'))).split('\n')
    expect(changed.filter((line) => line !== '' && !line.includes('/var/lib/headroom'))).toEqual([])

    // An export that cannot be written leaves all as it was.
    expect(await box.sh('headroom leave /proc/out --yes')).toMatchObject({ code: 1 })
    expect(await sh('systemctl is-active headroom-controller')).toBe('active')

    // Broken off in the middle of the removal, it goes on, and keeps the export.
    await sh('mount --bind /var/lib/headroom-agent /var/lib/headroom-agent')
    const broken = await box.sh('headroom leave /root/out --yes --delete-data')
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringContaining('what is left goes by: sh /usr/local/lib/headroom'),
    ])
    await sh('umount /var/lib/headroom-agent')
    const said = await sh('headroom leave /root/out --yes --delete-data')
    expect(said).toContain('Left, with what removes it:')
    expect(said).toContain('configuration in /etc/headroom: influx-password, own')
    const remove = "ssh root@hv07 'sh /usr/local/lib/headroom/deploy/uninstall.sh --agent --purge'"
    expect(said).toContain(remove)
    expect(await sh('cat /root/out/README.txt')).toContain(remove)
    expect(await sh('ls /etc/headroom; rm /etc/headroom/influx-password')).toBe('influx-password\nown')
    await sh(witness('after'))
    expect(await sh(difference('before', 'after'))).toBe('')
    expect(await sh('ps -eo args= | grep "[h]eadroom" || true')).toBe('')

    // The export tells it all without this program.
    const files = await sh('cd /root/out; find . -type f | LC_ALL=C sort')
    const systemd = ['agent.service.d/proc-io.conf', 'controller.service.d/override.conf']
    const measurements = ['array', 'array_cache', 'disk', 'file_system', 'host', 'mark', 'nic', 'vm']
    expect(files.split('\n')).toEqual([
      './README.txt',
      ...['agent', 'controller', 'policy'].map((name) => `./configuration/${name}.yaml`),
      ...systemd.map((name) => `./configuration/systemd/headroom-${name}`),
      ...['agents.csv', 'alerts.csv', 'arrays.csv', 'fleet.json', 'hosts.csv', 'policy-1.yaml', 'vms.csv'].map(
        (name) => `./fleet/${name}`,
      ),
      ...measurements.map((name) => `./history/${name}.csv.gz`),
      './manifest.json',
    ])
    expect(await sh('cat /root/out/configuration/policy.yaml')).toBe('limits: { vmMemory: 2GiB }')
    expect(await sh('zcat /root/out/history/vm.csv.gz | head -2')).toMatch(
      /^measurement,time,uuid,cpuCores,.*\nvm,20.*Z,/,
    )
    const uuids = (await sh('cut -d, -f1 /root/out/fleet/vms.csv | tail -n +2; true')).split('\n')
    const measured = await sh('zcat /root/out/history/vm.csv.gz | cut -d, -f3 | sort -u')
    expect(uuids).toHaveLength(3)
    for (const uuid of uuids) expect(measured).toContain(uuid)
    expect(await sh('cat /root/out/fleet/hosts.csv')).toMatch(/,one,[^\n]*\n[^\n]*,two,|,two,[^\n]*\n[^\n]*,one,/)
    expect(await sh('cat /root/out/README.txt')).toMatch(/of \/var\/lib\/headroom\/controller\/series\.db: \d+ points/)
    expect(await sh('grep -rl "PRIVATE KEY" /root/out || true')).toBe('')
    await sh('rm -r /root/out')
  }, 300_000)

  test('without --delete-data the state stays, and another installation goes on with it or takes the history back', async () => {
    await sh('rm -rf /root/out')
    await installed()
    const agents = await sh('headroom agent list --json')
    const said = await sh('headroom leave /root/out.tar.gz --yes --format influx')
    expect(said).toContain('kept /var/lib/headroom\n')
    expect(said).toMatch(/rm -r \/var\/lib\/headroom; userdel headroom-controller/)
    expect(await sh('ls /usr/local/bin /usr/local/lib | grep headroom || true')).toBe('headroom-other')
    expect(await sh('tar -tzf /root/out.tar.gz | sort')).toContain('out/history/vm.lp.gz')
    expect(await sh('stat -c %a /root/out.tar.gz')).toBe('600')

    await sh('sh /opt/source/deploy/install.sh --controller && systemctl enable --now headroom-controller')
    const ids = (text: string): string[] => [...text.matchAll(/"id": "([^"]+)"/g)].map(([, id = '']) => id)
    expect(ids(await sh('headroom agent list --json'))).toEqual(ids(agents))

    // Only the agent, which is not installed any more; the controller goes on.
    expect(await sh('headroom leave --agent --yes --delete-data')).not.toContain('removed /var/lib/headroom\n')
    expect(await sh('systemctl is-active headroom-controller')).toBe('active')
    await sh('headroom leave --yes --delete-data --no-export')
    expect(await sh('ls -d /var/lib/headroom* || true')).toBe('')
    await sh('sh /opt/source/deploy/install.sh --controller && tar -C /root -xzf /root/out.tar.gz')
    const asOwner = 'runuser -u headroom-controller -- headroom store'
    const back = await sh(`export LC_ALL=C; cat /root/out/history/*.gz | ${asOwner} import -`)
    expect(back).toMatch(/series\.db: [1-9]\d+ points, \d+ rows of roll-ups and \d+ events were read$/)
    const lines = "grep -v '^#' | sort | md5sum"
    const taken = await sh(`${asOwner} export - --format influx | ${lines}`)
    expect(taken).toBe(await sh(`cat /root/out/history/*.gz | zcat | ${lines}`))
    await sh('systemctl start headroom-controller')
    await sh('sh /opt/source/deploy/uninstall.sh --purge')
  }, 300_000)
})
