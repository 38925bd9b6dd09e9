/** What each of many figures did not exceed in 95 % of the moments of the last while. */
export function recentHigh(
  count: number,
  spanS: number,
): { readonly add: (atS: number, values: Float64Array) => void; readonly high: () => Float64Array } {
  const moments: { readonly atS: number; readonly values: Float64Array }[] = []
  return {
    add: (atS, values) => {
      moments.push({ atS, values })
      while ((moments[0]?.atS ?? atS) <= atS - spanS) moments.shift()
    },
    high: () =>
      Float64Array.from({ length: count }, (_, one) => {
        const sorted = Float64Array.from(moments, ({ values }) => values[one] ?? 0).sort()
        return sorted[Math.max(0, Math.ceil(0.95 * sorted.length) - 1)] ?? 0
      }),
  }
}
