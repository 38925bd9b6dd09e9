/** What the elab's rules must find on the elab fleet, and nothing else: `severity check subject`, sorted. */
export const elabGoldenFindings: readonly string[] = [
  // xenhv01 is 512 MiB into its reserve; no other host is; xenhv02 has room for none.
  'warning into-reserve host:xenhv01',
  'info no-room host:xenhv02',
  // N+1 holds for no host; VMs on local disk are lost with theirs.
  ...['xenhv01', 'xenhv02', 'xenhv03', 'xenhv04', 'esxhv01'].flatMap((host) => [
    `warning host-failure host:${host}`,
    `info lost-with-host host:${host}`,
  ]),
  // Personal beside core, on local disk.
  ...['motty', 'secretary', 'jo2lxq', 'gucchi', 'fiap-mgmt', 'mozilla'].map(
    (vm) => `info personal-beside-core vm:${vm}`,
  ),
  // Personal on the array that core VMs use.
  ...['kure', 'tritm', 'ictepc'].map((vm) => `warning personal-on-core-array vm:${vm}`),
  // Above 1 GiB.
  ...['panda', 'kure', 'ictepc'].map((vm) => `info memory-above-class-limit vm:${vm}`),
].toSorted()

/** `check subject` of what it excepts, in their order. */
export const elabGoldenExceptions: readonly string[] = [
  'core-on-shared-storage vm:bell',
  'core-on-shared-storage vm:elab-gw',
  'core-on-shared-storage vm:cc',
  'core-on-shared-storage vm:mail2',
  'reserve-host-empty vm:panda',
]
