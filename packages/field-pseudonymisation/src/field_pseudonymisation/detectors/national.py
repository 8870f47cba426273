"""National identifiers: forms and words of each country; the rules are in `national_rules`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors import national_rules as rules
from field_pseudonymisation.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from field_pseudonymisation.detectors.detector import Edges

SEPARATORS = re.compile(r"[\s\u00a0./-]")
SURE, LIKELY, DOUBTFUL = (
    0.9,
    0.6,
    0.3,
)  # without context: by letters and dates, by form, by one digit
ELEVEN, TEN, NINE = "[0-9]{11}", "[0-9]{10}", "[0-9]{9}"


def _identifier(
    name: str,
    summary: str,
    pattern: str,
    rule: Callable[[str], bool],
    score: float,
    words: str,
    *,
    keep: str = "",
    edges: Edges = "number",
) -> Detector:
    """Return the detector of an identifier.

    Args:
        name: country and name of the identifier.
        summary: what it is.
        pattern: what it looks like, with its separators.
        rule: checks it without separators, in upper case.
        score: how sure it is without context.
        words: context, separated by commas.
        keep: separators that belong to it.
        edges: what may not stand beside it.
    """

    def check(text: str) -> bool:
        bare = text if keep else SEPARATORS.sub("", text)
        return bare.isascii() and rule(bare.upper())  # patterns take K for the sign of kelvins

    return Detector(
        name=name,
        entity="national_id",
        summary=summary,
        pattern=pattern,
        check=check,
        score=score,
        context=tuple(word.strip() for word in words.split(",")),
        context_score=max(score, 0.9),
        edges=edges,
        countries=(name[:2].upper(),),
    )


def national_detectors() -> Iterable[Detector]:
    """Return the detectors of national identifiers."""
    return (
        _identifier(
            "at_svnr", "Austrian social security numbers",
            r"[0-9]{4}[ -]?[0-9]{6}", rules.at_svnr, DOUBTFUL,
            "sozialversicherung*, svnr, sv nr, versicherungsnummer, vsnr",
        ),
        _identifier(
            "be_rrn", "Belgian national register numbers",
            r"[0-9]{2}[. ]?[0-9]{2}[. ]?[0-9]{2}[- ]?[0-9]{3}[. -]?[0-9]{2}", rules.be_rrn, LIKELY,
            "rijksregister*, registre national, national register, niss, insz, rrn, nrn",
        ),
        _identifier(
            "bg_egn", "Bulgarian uniform civil numbers",
            TEN, rules.bg_egn, DOUBTFUL, "егн, egn, единен граждански номер, civil number",
        ),
        _identifier(
            "ch_ahv", "Swiss social security numbers",
            r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}", rules.ch_ahv, SURE, "ahv*, avs, navs",
        ),
        _identifier(
            "cz_rodne_cislo", "Czech and Slovak birth numbers",
            r"[0-9]{6}/?[0-9]{4}", rules.cz_rodne_cislo, DOUBTFUL,
            "rodné číslo, rodne cislo, rč, r. č, birth number",
        ),
        _identifier(
            "cz_rodne_cislo_with_slash", "Czech and Slovak birth numbers with their slash",
            r"[0-9]{6}/[0-9]{4}", rules.cz_rodne_cislo, LIKELY, "rodné číslo, rodne cislo, rč",
        ),
        _identifier(
            "de_tax_id", "German tax identification numbers",
            r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", rules.de_tax_id, DOUBTFUL,
            "steuer*, idnr, id nr, identifikationsnummer, tin, tax id*, tax number",
        ),
        _identifier(
            "dk_cpr", "Danish CPR numbers",
            r"[0-9]{6}-?[0-9]{4}", rules.dk_cpr, DOUBTFUL, "cpr*, personnummer, cprnr",
        ),
        _identifier(
            "ee_isikukood", "Estonian personal codes",
            ELEVEN, rules.ee_isikukood, DOUBTFUL, "isikukood, personal code, ik",
        ),
        _identifier(
            "es_dni", "Spanish identity numbers",
            r"(?i)[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}[ -]?[A-HJ-NP-TV-Z]", rules.es_dni, LIKELY,
            "dni, nif, documento nacional, documento de identidad",
        ),
        _identifier(
            "es_nie", "Spanish numbers of foreigners",
            r"(?i)[XYZ][ -]?[0-9]{7}[ -]?[A-HJ-NP-TV-Z]", rules.es_nie, LIKELY, "nie, extranjero*",
        ),
        _identifier(
            "fi_hetu", "Finnish identity codes",
            r"(?i)[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", rules.fi_hetu, SURE,
            "hetu, henkilötunnus, personbeteckning, sotu", keep="-+",
        ),
        _identifier(
            "fr_nir", "French social security numbers",
            r"(?i)[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
            rules.fr_nir, LIKELY, "sécurité sociale, securite sociale, nir, insee, numéro de sécu*",
        ),
        _identifier(
            "gb_nhs", "British NHS numbers",
            r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", rules.gb_nhs, DOUBTFUL,
            "nhs*, national health, health service number",
        ),
        _identifier(
            "gb_nino", "British National Insurance numbers",
            r"(?i)[A-CEGHJ-PR-TW-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", rules.gb_nino, LIKELY,
            "national insurance, nino, ni number, ni no",
        ),
        _identifier(
            "gr_amka", "Greek social security numbers",
            ELEVEN, rules.gr_amka, DOUBTFUL, "αμκα, amka",
        ),
        _identifier(
            "hr_oib", "Croatian personal identification numbers",
            ELEVEN, rules.hr_oib, DOUBTFUL, "oib, osobni identifikacijski broj",
        ),
        _identifier(
            "ie_pps", "Irish PPS numbers",
            r"(?i)[0-9]{7}[A-W][ABHW]?", rules.ie_pps, LIKELY, "pps*, personal public service",
        ),
        _identifier(
            "is_kennitala", "Icelandic identification numbers",
            r"[0-9]{6}-?[0-9]{4}", rules.is_kennitala, DOUBTFUL, "kennitala, kt",
        ),
        _identifier(
            "it_codice_fiscale", "Italian tax codes",
            r"(?i)[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
            rules.it_codice_fiscale, SURE, "codice fiscale, cf, c.f",
        ),
        _identifier(
            "lt_asmens_kodas", "Lithuanian personal codes",
            ELEVEN, rules.ee_isikukood, DOUBTFUL, "asmens kodas, ak, personal code",
        ),
        _identifier(
            "lv_personas_kods", "Latvian personal codes",
            r"[0-9]{6}-?[0-9]{5}", rules.lv_personas_kods, DOUBTFUL,
            "personas kods, pk, personal code",
        ),
        _identifier(
            "nl_bsn", "Dutch citizen service numbers",
            r"[0-9]{4}[. -]?[0-9]{2}[. -]?[0-9]{3}", rules.nl_bsn, DOUBTFUL,
            "bsn, burgerservicenummer, sofinummer, sofi nummer, citizen service number",
        ),
        _identifier(
            "no_fodselsnummer", "Norwegian identity numbers",
            r"[0-9]{6} ?[0-9]{5}", rules.no_fodselsnummer, LIKELY,
            "fødselsnummer, fodselsnummer, fnr, personnummer, d nummer, fødselsnr",
        ),
        _identifier(
            "pl_pesel", "Polish PESEL numbers",
            ELEVEN, rules.pl_pesel, DOUBTFUL, "pesel",
        ),
        _identifier(
            "pt_nif", "Portuguese tax numbers",
            r"[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{3}", rules.pt_nif, DOUBTFUL,
            "nif, contribuinte, número fiscal",
        ),
        _identifier(
            "ro_cnp", "Romanian personal codes",
            "[0-9]{13}", rules.ro_cnp, LIKELY, "cnp, cod numeric personal",
        ),
        _identifier(
            "se_personnummer", "Swedish personal numbers",
            r"(?:[0-9]{2})?[0-9]{6}[-+ ]?[0-9]{4}", _swedish, DOUBTFUL,
            "personnummer, personnr, pnr, samordningsnummer, swedish personal",
        ),
        _identifier(
            "si_emso", "Slovenian EMŠO and JMBG numbers",
            "[0-9]{13}", rules.si_emso, LIKELY, "emšo, emso, jmbg, matični broj",
        ),
        _identifier(
            "us_itin", "taxpayer numbers of the USA (ITIN)",
            r"9[0-9]{2}-[0-9]{2}-[0-9]{4}", rules.us_itin, LIKELY, "itin, taxpayer, tax id*",
        ),
        _identifier(
            "us_ssn", "Social Security numbers of the USA with their hyphens",
            r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}", rules.us_ssn, 0.8,
            "ssn, social security, soc sec",
        ),
        _identifier(
            "us_ssn_in_context", "Social Security numbers of the USA, where words say so",
            r"[0-8][0-9]{2} ?[0-9]{2} ?[0-9]{4}", rules.us_ssn, 0.1,
            "ssn, social security, soc sec",
        ),
    )  # fmt: skip


def _swedish(text: str) -> bool:
    return rules.se_personnummer(text.replace("+", ""))
