import { expect, it } from 'vitest'

import { mayStopAtOverflow } from './overflowing-kernels.js'

it.each<[string, boolean]>([
  ['', false],
  ['VMkernel', false],
  ['2.4.37', false],
  ['2.6.18-6-xen-686', false],
  ['2.6.26-2-amd64', false],
  ['2.6.27.54-0.2-default', false],
  ['2.6.28-11-server', true],
  ['2.6.32-5-amd64', true],
  ['2.6.32.49', true],
  ['2.6.32.50', false],
  ['2.6.32.54-0.3-default', false],
  ['2.6.39-bpo.2-amd64', true],
  ['3.0.0-14-generic', true],
  ['3.0.12', true],
  ['3.0.13-0.27-default', false],
  ['3.0.101', false],
  ['3.1.4', true],
  ['3.1.5', false],
  ['3.1.10-1.16-default', false],
  ['3.2.0-4-amd64', false],
  ['3.10.0-1160.el7.x86_64', false],
  ['6.1.0-18-amd64', false],
  // Red Hat and those who rebuild it: the builds count.
  ['2.6.32-71.el6.x86_64', true],
  ['2.6.32-131.21.1.el6.x86_64', true],
  ['2.6.32-131.26.1.el6.x86_64', false],
  ['2.6.32-220.el6.x86_64', true],
  ['2.6.32-220.4.1.el6.x86_64', true],
  ['2.6.32-220.4.2.el6.x86_64', false],
  ['2.6.32-220.7.1.el6.x86_64', false],
  ['2.6.32-754.el6.x86_64', false],
  ['2.6.18-128.38.1.el5', true],
  ['2.6.18-128.39.1.el5', false],
  ['2.6.18-194.32.1.el5xen', true],
  ['2.6.18-238.19.1.el5xen', true],
  ['2.6.18-238.40.1.el5', false],
  ['2.6.18-274.18.1.el5', true],
  ['2.6.18-308.8.2.el5', true],
  ['2.6.18-308.11.1.el5', false],
  ['2.6.18-348.el5', false],
  ['2.6.18-419.el5', false],
])('%s: %s', (release, expected) => {
  expect(mayStopAtOverflow(release)).toBe(expected)
})
