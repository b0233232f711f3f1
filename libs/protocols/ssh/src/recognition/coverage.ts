interface Place {
  readonly pos: number
  readonly end: number
}

interface Gap {
  readonly from: number
  readonly to: number
  readonly kind: 'command' | 'list'
}

/** What may stand between the words of a command, and between the commands of a list. */
const allowed: Readonly<Record<Gap['kind'], RegExp>> = { command: /^(?:[ \t]|\\\n)*$/, list: /^(?:[ \t\n;&]|\\\n|(?<=^|[ \t\n;&])#[^\n]*(?=\n|$))*$/ }

/** Checks that a tolerant parser dropped nothing of a text: between what it found there is only what separates. */
export class Coverage {
  private readonly gaps: Gap[] = []
  private readonly leftOut: (readonly [from: number, to: number])[] = []

  constructor(private readonly text: string) {}

  /** The children of a node, in any order. */
  between(kind: Gap['kind'], node: Place, children: readonly (Place & { readonly type: string; readonly delimiter?: Place | undefined })[]): void {
    let at = node.pos
    for (const child of children.toSorted((one, other) => one.pos - other.pos)) {
      this.gaps.push({ kind, from: at, to: child.pos })
      at = child.type === 'HereDoc' ? child.delimiter?.end ?? child.end : child.end
    }
    this.gaps.push({ kind, from: at, to: node.end })
  }

  /** The text of a here-document, which stands after its line. */
  leaveOut(from: number, to: number): void {
    this.leftOut.push([from, to])
  }

  isWhole(): boolean {
    this.leftOut.sort(([one], [other]) => one - other)
    return this.gaps.every(({ kind, from, to }) => to <= from || allowed[kind].test(this.without(from, to)))
  }

  /** Index of the first part left out that can reach beyond `at`: the last that begins before it, or the next. */
  private firstAfter(at: number): number {
    let low = 0
    let high = this.leftOut.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.leftOut[middle]?.[0] ?? 0) < at) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  private without(from: number, to: number): string {
    let rest = ''
    let at = from
    for (let index = this.firstAfter(from); index < this.leftOut.length; index += 1) {
      const [start, end] = this.leftOut[index] ?? [to, to]
      if (start >= to) break
      if (end <= at) continue
      rest += this.text.slice(at, start)
      at = Math.max(at, end)
    }
    return rest + this.text.slice(at, to)
  }
}
