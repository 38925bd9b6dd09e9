/** The number at a place that is there by construction. One function for each kind of list, so that each sees one kind alone and is fast. */
export function at(numbers: Float64Array, index: number): number {
  return numbers[index] ?? 0
}

export function indexAt(numbers: Int32Array, index: number): number {
  return numbers[index] ?? 0
}
