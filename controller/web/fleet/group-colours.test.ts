import { expect, it } from 'vitest'
import { colourByGroup, groupColours } from './group-colours.js'

it('gives each group a colour by name and none to VMs without a group', () => {
  const colours = colourByGroup(['personal', 'core', '', 'core', 'department'])
  expect([...colours]).toEqual([
    ['core', 1],
    ['department', 2],
    ['personal', 3],
    ['', 0],
  ])
  expect(colourByGroup(['core']).has('')).toBe(false)
})

it('shares colours when there are more groups than colours', () => {
  const colours = colourByGroup(Array.from({ length: groupColours + 1 }, (_, index) => `g${index}`))
  expect(colours.get(`g${groupColours}`)).toBe(1)
})
