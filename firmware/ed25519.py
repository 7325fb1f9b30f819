"""Ed25519 signatures (RFC 8032) checked in plain Python, in slices of a few milliseconds: metering and Modbus go on in between.

Only checking lives here: nothing is secret, so nothing needs to take the same time. What is signed is not known here.
Runs on MicroPython.
"""

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Iterator

    Point = tuple[int, int, int, int]  # extended coordinates: X, Y, Z, T

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
# Written out: computed, they would keep the chip busy for some hundred milliseconds at once.
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_ROOT_OF_MINUS_1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
_ZERO = (0, 1, 1, 0)
_MASK64 = 2**64 - 1
_BLOCK_BYTES, _ROUNDS = 128, 80
_BITS_AT_ONCE = 8  # of an exponent: as long as a doubling and an addition


def verifying(key: bytes, signature: bytes, message: bytes) -> "Iterator[bool | None]":
    """None after each slice, at last whether `signature` is that of `message` under the public `key`."""
    encoded, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if len(key) != 32 or len(signature) != 64 or scalar >= _L:
        yield False
        return
    point: list[Point] = []
    for _ in _decompressing(key, point):
        yield None
    if not point:
        yield False
        return
    digest: list[bytes] = []
    for _ in sha512(encoded + key + message, digest):
        yield None
    total: list[Point] = []
    negative = (_P - point[0][0], point[0][1], 1, _P - point[0][3])
    for _ in _combining(scalar, int.from_bytes(digest[0], "little") % _L, negative, total):
        yield None
    inverse: list[int] = []
    for _ in _raising(total[0][2], _P - 2, inverse):
        yield None
    x, y = total[0][0] * inverse[0] % _P, total[0][1] * inverse[0] % _P
    yield (y | (x & 1) << 255).to_bytes(32, "little") == encoded


def _combining(scalar: int, challenge: int, negative: "Point", total: "list[Point]") -> "Iterator[None]":
    """scalar * base + challenge * negative, both at once, bit by bit."""
    table = (_ZERO, _BASE, negative, _added(_BASE, negative))
    point = _ZERO
    for bit in range(252, -1, -1):
        point = _doubled(point)
        choice = (scalar >> bit & 1) | (challenge >> bit & 1) << 1
        if choice:
            point = _added(point, table[choice])
        yield None
    total.append(point)


def _added(one: "Point", other: "Point") -> "Point":
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * _D * one[3] * other[3] % _P
    d = 2 * one[2] * other[2] % _P
    return _from(b - a, d - c, d + c, b + a)


def _doubled(point: "Point") -> "Point":
    a, b = point[0] * point[0] % _P, point[1] * point[1] % _P
    c = 2 * point[2] * point[2] % _P
    h = a + b
    e = h - (point[0] + point[1]) * (point[0] + point[1]) % _P
    g = a - b
    return _from(e, c + g, g, h)


def _from(e: int, f: int, g: int, h: int) -> "Point":
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decompressing(encoded: bytes, found: "list[Point]") -> "Iterator[None]":
    """The point goes into `found`; nothing does if there is none."""
    number = int.from_bytes(encoded, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    if y >= _P:
        return
    above, below = y * y - 1, _D * y * y + 1
    candidate: list[int] = []
    for _ in _raising(above * below**7 % _P, (_P - 5) // 8, candidate):
        yield None
    x = above * below**3 * candidate[0] % _P
    if (below * x * x - above) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (below * x * x - above) % _P or (x == 0 and odd):
        return
    if x & 1 != odd:
        x = _P - x
    found.append((x, y, 1, x * y % _P))


def _raising(base: int, exponent: int, result: "list[int]") -> "Iterator[None]":
    power = 1
    for bit in range(255, -1, -1):
        power = power * power % _P
        if exponent >> bit & 1:
            power = power * base % _P
        if bit % _BITS_AT_ONCE == 0:
            yield None
    result.append(power)


def sha512(message: bytes, digest: "list[bytes]") -> "Iterator[None]":
    """The port has no SHA-512. Its constants are roots of the first primes, so they need no table."""
    padded = message + b"\x80" + bytes(-(len(message) + 17) % _BLOCK_BYTES) + (8 * len(message)).to_bytes(16, "big")
    primes = _primes(_ROUNDS)
    yield None
    state = [_root(prime << 128, 2) & _MASK64 for prime in primes[:8]]
    for at in range(0, len(padded), _BLOCK_BYTES):
        words = [int.from_bytes(padded[at + 8 * each : at + 8 * each + 8], "big") for each in range(16)]
        mixed = list(state)
        for number, prime in enumerate(primes):
            _mix(mixed, words[0], _root(prime << 192, 3) & _MASK64)
            words.append((_small(words[14], 19, 61, 6) + words[9] + _small(words[1], 1, 8, 7) + words[0]) & _MASK64)
            words.pop(0)
            if number % 2:
                yield None
        state = [(old + new) & _MASK64 for old, new in zip(state, mixed)]
    digest.append(b"".join([word.to_bytes(8, "big") for word in state]))


def _primes(count: int) -> "list[int]":
    found = [2]
    number = 3
    while len(found) < count:
        at = 0
        while found[at] * found[at] <= number and number % found[at]:
            at += 1
        if found[at] * found[at] > number:
            found.append(number)
        number += 2
    return found


def _mix(s: "list[int]", word: int, constant: int) -> None:
    e, a = s[4], s[0]
    first = s[7] + (_turned(e, 14) ^ _turned(e, 18) ^ _turned(e, 41)) + ((e & s[5]) ^ (~e & _MASK64 & s[6])) + constant + word
    second = (_turned(a, 28) ^ _turned(a, 34) ^ _turned(a, 39)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]))
    s.insert(0, (first + second) & _MASK64)
    s.pop()
    s[4] = (s[4] + first) & _MASK64


def _small(word: int, one: int, other: int, shift: int) -> int:
    return _turned(word, one) ^ _turned(word, other) ^ word >> shift


def _turned(word: int, bits: int) -> int:
    return (word >> bits | word << 64 - bits) & _MASK64


def _root(number: int, degree: int) -> int:
    """The whole part, by Newton's way from above; no root asked for here is larger than what it begins with."""
    root = 1 << 67
    while True:
        better = ((degree - 1) * root + number // root ** (degree - 1)) // degree
        if better >= root:
            return root
        root = better
