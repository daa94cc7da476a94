"""Cards to lay on the simulated reader. Their holders do not exist, nor do the county 110199 and the country UTO.

A card's text is 256 bytes of UTF-16, low byte first, each field padded with spaces. A resident's card ends in 36 bytes
of nothing; the other documents have there, at byte 248, a letter that says what they are:

    resident  name 30 | sex 2 | nation 4 | birth 16 | address 70 | number 36 | issuer 30 | from 16 | to 16 | 36
    J         as above, the nation blank, and for the 36: permit 18 | times issued 4 | 6 | "J" 2 | 6
    I         latin name 120 | sex 2 | number 30 | country 6 | chinese name 30 | from 16 | to 16 | birth 16 |
              version 4 | office 8 | "I" 2 | 6
    Y         chinese name 30 | sex 2 | times renewed 4 | birth 16 | latin name 70 | number 36 | 30 | from 16 |
              to 16 | rest of latin name 22 | country 6 | "Y" 2 | former version 2 | 4

J is for residents from Hong Kong, Macao and Taiwan (2018), I and Y are for foreigners (2017, 2023). Field by field a Y
card reads like a resident's: only its letter tells, and its number, which begins with 9 and has a good check digit.

Sources: the public description of the resident's card; for I a table that a maker of readers published; for J and Y
structures in public code, but the last 36 bytes of Y are from memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

PHOTO, FINGER = 1024, 512  # bytes
ADDRESS = 70
RESIDENT = (30, 2, 4, 16, ADDRESS, 36, 30, 16, 16, 36)
PERMIT_J = (30, 2, 4, 16, ADDRESS, 36, 30, 16, 16, 18, 4, 6, 2, 6)
PERMIT_I = (120, 2, 30, 6, 30, 16, 16, 16, 4, 8, 2, 6)
PERMIT_Y = (30, 2, 4, 16, 70, 36, 30, 16, 16, 22, 6, 2, 2, 4)
MALE, FEMALE = "1", "2"
HAN, UIGHUR = "01", "05"
FOREVER = "长期"
POLICE = "北京市公安局示例分局"


@dataclass(frozen=True, slots=True)
class Card:
    key: str
    label: str
    """What its button says."""
    title: str
    """The name of the document, as it is printed on it."""
    name: str
    text: bytes
    fingers: int = 0
    """Fingerprints stored on it: 0, 1 or 2."""
    moved_to: str = ""
    """The newest address, which is not in `text`; "" when there is none."""
    damaged: bool = False
    """It can be found and selected, but not read."""

    @property
    def photo(self) -> bytes:
        return self._noise("photo", PHOTO)

    @property
    def fingerprints(self) -> bytes:
        return self._noise("fingers", FINGER * self.fingers)

    def _noise(self, what: str, size: int) -> bytes:
        return Random(f"{self.key} {what}").randbytes(size)  # noqa: S311  nobody's face, the same each time


def pad(text: str, size: int) -> bytes:
    raw = text.encode("utf-16-le")
    assert len(raw) <= size, f"{text} is longer than {size} bytes"
    return raw + b" \0" * ((size - len(raw)) // 2)


def block(widths: tuple[int, ...], *texts: str) -> bytes:
    return b"".join(pad(text, size) for text, size in zip(texts, widths, strict=True))


def resident(
    key: str,
    label: str,
    name: str,
    number: str,
    valid: tuple[str, str],
    *,
    nation: str = HAN,
    address: str = "北京市示例区虚构路1号",
    issuer: str = POLICE,
    fingers: int = 2,
    moved_to: str = "",
    damaged: bool = False,
) -> Card:
    """Birth and sex are those of `number`, good check digit or not; `valid` is from and to, YYYYMMDD or 长期."""
    sex = MALE if int(number[16]) % 2 else FEMALE
    text = block(RESIDENT, name, sex, nation, number[6:14], address, number, issuer, *valid, "")
    return Card(key, label, "居民身份证", name, text, fingers, moved_to, damaged)


def _permit_j() -> Card:
    number = "810000199006060007"
    text = block(
        PERMIT_J,
        *("林示例", FEMALE, "", number[6:14], "北京市示例区虚构路6号", number, POLICE, "20200606", "20250606"),
        *("H00000000", "01", "", "J", ""),
    )
    return Card("permit_j", "港澳台居住证", "港澳台居民居住证", "林示例", text, fingers=2)


def _permit_i() -> Card:
    text = block(
        PERMIT_I,
        *("SPECIMEN, ALEX", MALE, "UTO110085031500", "UTO", "示例阿历克斯", "20180315", "20280315", "19850315"),
        *("01", "1100", "I", ""),
    )
    return Card("permit_i", "永久居留证 2017 版", "外国人永久居留身份证", "SPECIMEN, ALEX", text)


def _permit_y() -> Card:
    number = "911999198506200011"
    text = block(
        PERMIT_Y,
        *("示例马克", MALE, "01", number[6:14], "SPECIMEN, MARK", number, "", "20240620", "20340620"),
        *("", "UTO", "Y", "", ""),
    )
    return Card("permit_y", "永久居留证 2023 版", "外国人永久居留身份证", "示例马克", text, fingers=2)


_CARDS = [
    resident("zhang_wei", "张伟 1991 年生", "张伟", "110199199103150014", ("20200315", "20400315")),
    resident(
        *("wang_xiuying", "王秀英 1948 年生 已迁址", "王秀英", "11019919480612002X", ("20100612", FOREVER)),
        fingers=0,
        moved_to="北京市示例区虚构路8号院2单元301室",
    ),
    resident(
        *("ouyang", "姓名 15 字", "欧阳致远·阿卜杜热合曼·买买提", "110199198808080031", ("20160101", "20360101")),
        nation=UIGHUR,
        address="北京市示例区虚构路三百六十五号示例小区第一百二十三号楼四单元五千零六室",
        issuer="北京市公安局示例区分局样本分局",
        fingers=1,
    ),
    resident(
        *("chen_guifang", "已撤销的县 长期", "陈桂芳", "440524195602110008", ("20060211", FOREVER)),
        address="广东省示例县虚构镇样本村",
        issuer="示例县公安局",
        fingers=0,
    ),
    resident("zhao", "生僻字", "赵㛃𬘭", "110199199909090049", ("20200909", "20300909")),
    resident("zhou_ming", "号码校验位错", "周明", "110199198001010058", ("20150101", "20350101")),
    _permit_j(),
    _permit_i(),
    _permit_y(),
    resident("damaged", "芯片损坏", "吴敏", "110199197502020066", ("20150202", "20350202"), damaged=True),
]
CARDS = {card.key: card for card in _CARDS}
