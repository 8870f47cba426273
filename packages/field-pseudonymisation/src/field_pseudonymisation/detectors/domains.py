"""Top-level domains, as far as they are told from other words behind a point."""

from __future__ import annotations

COUNTRIES = (  # two letters (ISO 3166), and what IANA delegates besides
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo "
    "br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm "
    "do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs "
    "gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km "
    "kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp "
    "mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk "
    "pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss "
    "st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va "
    "vc ve vg vi vn vu wf ws ye yt za zm zw"
)
COMMON = "com org net edu gov mil int info biz pro coop aero museum eus gal cat"
OTHERS = (  # which are words as well, and count where a path or www says that they are hosts
    "name jobs mobi travel tel asia post app dev page web online site website store shop blog "
    "cloud tech digital agency academy bank health hospital clinic care doctor dental pharmacy "
    "insurance legal law eco bio art design media news press wiki xyz top club live life world "
    "today email network systems solutions services software company group team center foundation "
    "institute university school education berlin hamburg koeln bayern wien paris london scot "
    "wales irish amsterdam brussels vlaanderen gent swiss barcelona madrid quebec nyc tokyo africa"
)
FILE_ENDINGS = (  # of files, as often as of hosts
    "ai am cc md me ml mm mo ms pl ps py rs sh so st ts vi app dev page pro cat"
)
TOP_LEVEL = frozenset(f"{COUNTRIES} {COMMON}".split())
WORDS = frozenset(OTHERS.split())
ENDINGS = frozenset(FILE_ENDINGS.split())


def is_top_level_domain(label: str, *, is_told: bool) -> bool:
    """Return whether a label is a top-level domain.

    Args:
        label: the last one of a host.
        is_told: whether a path or ``www`` says that it is a host.
    """
    name = label.lower()
    return name.startswith("xn--") or name in TOP_LEVEL or (is_told and name in WORDS)


def looks_like_file(host: str) -> bool:
    """Return whether a name with one point may be that of a file, or two sentences."""
    name, _, ending = host.rpartition(".")
    return ending.lower() in ENDINGS or (
        name[:1].isupper() and name[1:].islower() and len(ending) == 2
    )
