"""All single edits of a program, cheapest first."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from codegrad.search.analysis import Analysis
from codegrad.search.cases import Suite
from codegrad.search.edits import SUSPICION_WEIGHT, Edit
from codegrad.search.edits_expression import Donors, View, expression_edits
from codegrad.search.edits_statement import (
    BlockDraft,
    StatementView,
    statement_edits,
    structure_edits,
)
from codegrad.search.sites import (
    ExpressionSite,
    Scope,
    StatementSite,
    collect_sites,
    names_in,
)
from codegrad.search.subject import FUNCTIONS, Subject, Unit, is_stub, is_tick

MAX_DONOR = 60
"""Longer expressions are not used elsewhere."""


class UnitSites:
    """The editable places of one unit, and what may be used there."""

    def __init__(self, unit: Unit, scope: Scope) -> None:
        self.unit = unit
        self.scope = scope
        self.expressions: list[ExpressionSite]
        self.statements: list[StatementSite]
        self.expressions, self.statements = collect_sites(unit)
        self.donors = Donors()

    def observe(self, entry: str, expected: list[object]) -> None:
        """Fill in texts, types and donors."""
        suspicion = self.scope.analysis.suspicion
        for site in self.expressions:
            site.text = ast.unparse(site.node)
            if site.line in suspicion:
                site.type = self.scope.find_type(site, entry, expected)
            if isinstance(site.node, ast.Constant):
                constants = self.donors.constants
                constants.setdefault(site.type, set()).add(site.text)
            elif _can_donate(site):
                names = frozenset(names_in(site.node))
                self.donors.expressions.setdefault(site.text, (site.type, names))


def _can_donate(site: ExpressionSite) -> bool:
    return (
        not site.is_stored
        and not site.inner_names
        and not isinstance(site.node, (ast.Name, ast.Starred))
        and not isinstance(site.parent, ast.Attribute)
        and len(site.text) < MAX_DONOR
    )


def suspicious_sites(
    subject: Subject, suite: Suite, analysis: Analysis, entry: str
) -> list[UnitSites]:
    """Return the places of all units that a failing test reached."""
    expected = suite.expectations()
    found = []
    for unit in subject.units:
        if not _reached(unit, analysis) or is_stub(unit.node):
            continue
        sites = UnitSites(unit, Scope(unit, analysis, suite.namespace))
        sites.observe(entry, expected)
        found.append(sites)
    return found


def _reached(unit: Unit, analysis: Analysis) -> bool:
    if isinstance(unit.node, ast.Module):
        return bool(analysis.suspicion)
    last = unit.node.end_lineno or unit.node.lineno
    return any(unit.node.lineno <= line <= last for line in analysis.suspicion)


class Generator:
    """Collects the edits of a program, each once."""

    def __init__(
        self, subject: Subject, suite: Suite, analysis: Analysis, entry: str
    ) -> None:
        self._subject = subject
        self._suite = suite
        self._suspicion = analysis.suspicion
        self._analysis = analysis
        self._entry = entry
        self._seen: set[tuple[int, str, object, str]] = set()
        self._edits: list[Edit] = []
        self._functions = [
            node.name for node in subject.tree.body if isinstance(node, FUNCTIONS)
        ]

    def generate(self) -> list[Edit]:
        """Return all edits; equal costs stay in reading order."""
        for sites in suspicious_sites(
            self._subject, self._suite, self._analysis, self._entry
        ):
            for site in sites.expressions:
                if site.line in self._suspicion:
                    self._expression(sites, site)
            for statement in sites.statements:
                self._statement(sites, statement)
        self._edits.sort(key=lambda edit: edit.cost)
        return self._edits

    def _lacking(self, line: int) -> float:
        return SUSPICION_WEIGHT * (1 - self._suspicion.get(line, 0.0))

    def _expression(self, sites: UnitSites, site: ExpressionSite) -> None:
        view = View(site, sites.scope, sites.donors, self._functions)
        best: dict[str, Edit] = {}
        for source, template, cost in expression_edits(view):
            if source == site.text:
                continue
            total = cost + self._lacking(site.line)
            known = best.get(source)
            if known is not None and known.cost <= total:
                continue
            best[source] = Edit(
                unit=sites.unit,
                parent=site.parent,
                field=site.field,
                index=site.index,
                source=source,
                template=template,
                cost=total,
                line=site.line,
                is_target=site.is_stored,
            )
        self._edits.extend(best.values())

    def _statement(self, sites: UnitSites, site: StatementSite) -> None:
        covered = site.node.lineno in self._suspicion
        near = covered or any(
            node.lineno in self._suspicion for node in site.block if not is_tick(node)
        )
        if not near:
            return
        view = StatementView(
            site,
            sites.scope,
            others=sites.statements,
            texts=sites.donors.constants_of("str"),
            expected=self._suite.expectations(),
            is_entry_point=self._is_entry_point(site),
        )
        drafts = statement_edits(view) if covered else structure_edits(view)
        for item in drafts:
            self._add_block(sites.unit, site, item)

    def _is_entry_point(self, site: StatementSite) -> bool:
        """Whether guards may be inserted here: there are too many of them."""
        if site.parent is site.function:
            return True
        order = sorted(self._suspicion, key=lambda line: (-self._suspicion[line], line))
        return site.node.lineno == order[0]

    def _add_block(self, unit: Unit, site: StatementSite, item: BlockDraft) -> None:
        self._edits.append(
            Edit(
                unit=unit,
                parent=site.parent,
                field=site.field,
                index=None,
                source="",
                template=item.template,
                cost=item.cost + self._lacking(site.node.lineno),
                line=site.node.lineno,
                block=item.block,
            )
        )


def generate_edits(
    subject: Subject, suite: Suite, analysis: Analysis, entry: str
) -> Sequence[Edit]:
    """Return all single edits of a program, cheapest first; see `Generator`."""
    return Generator(subject, suite, analysis, entry).generate()
