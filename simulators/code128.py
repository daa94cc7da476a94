"""CODE128 as GS k 73 (function B) is told to print it: `{A` `{B` `{C` choose the set, `{S` borrows one character of the
other of A and B, `{1` to `{4` are the functions, `{{` is a brace; in set C every byte 0 to 99 is a pair of digits.

Source: ISO/IEC 15417 for the bars, Epson's description of GS k for the data.
"""

from __future__ import annotations

# By value: the widths of bar, blank, bar, ... in modules. 103 to 105 start in set A, B, C; 106 ends the symbol.
_TABLE = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122
123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323
131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131
213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122
141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112
124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141
411131 211412 211214 211232 2331112
"""
WIDTHS = tuple(_TABLE.split())
STARTS = {"A": 103, "B": 104, "C": 105}
ORDERS = {  # after a brace, by the set in use
    "A": {"B": 100, "C": 99, "S": 98, "1": 102, "2": 97, "3": 96, "4": 101},
    "B": {"A": 101, "C": 99, "S": 98, "1": 102, "2": 97, "3": 96, "4": 100},
    "C": {"A": 101, "B": 100, "1": 102},
}
STOP, MODULUS = 106, 103


def bars(data: bytes) -> bytes:
    """One byte a module, 1 is black, no quiet zone. Raises ValueError for data that no CODE128 symbol can say."""
    values = _values(data)
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % MODULUS
    widths = "".join(WIDTHS[value] for value in (*values, check, STOP))
    return b"".join(bytes([1 - nth % 2]) * int(width) for nth, width in enumerate(widths))


def _values(data: bytes) -> list[int]:
    text = data.decode("latin-1")
    charset, rest = text[1:2], text[2:]
    if text[:1] != "{" or charset not in STARTS:
        raise ValueError("the data does not begin with {A, {B or {C")
    values, borrowed = [STARTS[charset]], ""
    while rest:
        order, size = rest[1:2], 2 if rest[0] == "{" else 1
        if size == 2 and order != "{":
            if order not in ORDERS[charset]:
                raise ValueError(f"{{{order} means nothing in set {charset}")
            values.append(ORDERS[charset][order])
            borrowed = {"A": "B", "B": "A"}[charset] if order == "S" else ""
            charset = order if order in STARTS else charset
        else:
            values.append(_value(ord(rest[0]), borrowed or charset))
            borrowed = ""
        rest = rest[size:]
    return values


def _value(byte: int, charset: str) -> int:
    if charset == "C" and byte <= 99:
        return byte
    if charset == "A" and byte < 0x60:
        return byte - 0x20 if byte >= 0x20 else byte + 0x40
    if charset == "B" and 0x20 <= byte < 0x80:
        return byte - 0x20
    raise ValueError(f"byte {byte:02X} is not in set {charset}")
