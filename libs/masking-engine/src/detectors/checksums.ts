/** Check digits of national identity numbers. All take the digits in order, check digit included. */

const weighted = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * digits[index]!, 0)

const verhoeffTimes = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
  [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
] as const
const verhoeffTurns = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
  [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
] as const

/** Verhoeff's dihedral check (1969), as India's Aadhaar uses it. */
export const verhoeff = (digits: readonly number[]): boolean => {
  let check = 0
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits[digits.length - 1 - place]!
    check = verhoeffTimes[check]![verhoeffTurns[place % 8]![digit]!]!
  }
  return check === 0
}

/** ISO 7064 MOD 11,10 over 11 digits, and the rule that among the first ten one digit comes twice or three times and no other repeats. */
export const germanTaxId = (digits: readonly number[]): boolean => {
  if (digits[0] === 0) return false
  const counts = new Array<number>(10).fill(0)
  for (const digit of digits.slice(0, 10)) counts[digit]! += 1
  const repeated = counts.filter((count) => count > 1)
  if (repeated.length !== 1 || repeated[0]! > 3) return false
  let product = 10
  for (const digit of digits.slice(0, 10)) {
    const sum = (digit + product) % 10
    product = ((sum === 0 ? 10 : sum) * 2) % 11
  }
  return (11 - product) % 10 === digits[10]
}

/** Brazil's CPF: two digits modulo 11. */
export const cpf = (digits: readonly number[]): boolean => {
  if (digits.every((digit) => digit === digits[0])) return false
  const check = (length: number): number => {
    const rest = (weighted(digits, Array.from({ length }, (_, index) => length + 1 - index)) * 10) % 11
    return rest === 10 ? 0 : rest
  }
  return check(9) === digits[9] && check(10) === digits[10]
}

/** Poland's PESEL: weights 1379…, and a birth date whose month says the century. */
export const pesel = (digits: readonly number[]): boolean => {
  const month = (digits[2]! % 2) * 10 + digits[3]!
  const day = digits[4]! * 10 + digits[5]!
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0
}

const spanishLetters = 'TRWAGMYFPDXBNJZSQVHLCKE'
/** Spain's DNI and NIE: the letter is the number modulo 23. */
export const spanishId = (number: number, letter: string): boolean => spanishLetters[number % 23] === letter.toUpperCase()

/** France's NIR: 13 characters (Corsica's 2A and 2B count as 19 and 18) and the key 97 minus the number modulo 97. */
export const frenchNir = (body: string, key: number): boolean => {
  const number = Number(body.toUpperCase().replace('2A', '19').replace('2B', '18'))
  return Number.isSafeInteger(number) && 97 - (number % 97) === key
}

/** China's resident identity number (GB 11643): ISO 7064 MOD 11-2; the check character may be X. */
export const chineseId = (text: string): boolean => {
  let sum = 0
  for (let index = 0; index < 17; index += 1) sum += Number(text[index]) * (2 ** (17 - index) % 11)
  return '10X98765432'[sum % 11] === text[17]!.toUpperCase()
}

const oddValues = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
/** Italy's codice fiscale: characters in odd places have values of their own, the last one is the sum modulo 26. */
export const codiceFiscale = (text: string): boolean => {
  const upper = text.toUpperCase()
  let sum = 0
  for (let index = 0; index < 15; index += 1) {
    const code = upper.charCodeAt(index)
    const rank = code <= 0x39 ? code - 0x30 : code - 0x41
    sum += index % 2 === 0 ? oddValues[rank]! : rank
  }
  return upper.charCodeAt(15) - 0x41 === sum % 26
}
