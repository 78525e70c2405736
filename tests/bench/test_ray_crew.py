"""The Ray executor; the cluster's tests run with `make test-ray`."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.crew import Crew, LocalCrew
from codegrad.bench.evaluate import evaluate
from codegrad.bench.executors import CrewGrading, Executor, GraderSpec, LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.experiment import Experiment
from codegrad.bench.grading import Grader
from codegrad.bench.prepare import Asked, prepare
from codegrad.bench.ray_crew import RayCrew
from codegrad.bench.results import Results
from codegrad.bench.samples import SampleFile
from codegrad.errors import CodeGradError, UsageError
from tests.bench import chores
from tests.bench.small import RIGHT, small_dataset, write_rows

has_ray = importlib.util.find_spec("ray") is not None
on_a_cluster = pytest.mark.skipif(not has_ray, reason="needs Ray: make test-ray")


@pytest.mark.skipif(has_ray, reason="Ray is installed here")
def test_without_ray_a_sentence_says_how_to_install_it() -> None:
    with pytest.raises(UsageError, match=r"pip install 'codegrad\[ray\]'"):
        RayCrew()


@on_a_cluster
@pytest.mark.ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_nothing_answers_is_named(address: str) -> None:
    with pytest.raises(UsageError, match=f"no Ray cluster answers at {address}"):
        RayCrew(address)


@on_a_cluster
@pytest.mark.ray
def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(UsageError, match="write HOST:PORT"):
        RayCrew("somewhere")


NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


def started(start: Callable[[], Any]) -> Any:
    """Start something of Ray, which gives up after 30 seconds: machines are busy."""
    for _ in range(5):
        try:
            return start()
        except Exception as error:  # noqa: BLE001 - it raises no other type
            last = error
    raise last


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and one node with one core."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - an extra

    head = {**NODE, "num_cpus": 0, "include_dashboard": False}
    found = started(lambda: Cluster(initialize_head=True, head_node_args=head))
    started(lambda: found.add_node(**NODE))
    yield found
    found.shutdown()


@pytest.fixture
def second(cluster: Any) -> Any:
    """A second node with one core."""
    node = started(lambda: cluster.add_node(**NODE))
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


@on_a_cluster
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_node_killed_in_the_middle_costs_no_item_and_doubles_none(
    cluster: Any, second: Any, tmp_path: Path
) -> None:
    items = [(str(tmp_path), number) for number in range(40)]
    found: list[int] = []
    for number in RayCrew(cluster.address).results(chores.take_a_while, items):
        found.append(number)
        if len(found) == 10:
            cluster.remove_node(second, allow_graceful=False)
    assert sorted(found) == list(range(40))
    runs = [path.name.partition(".")[0] for path in tmp_path.iterdir()]
    assert set(runs) == {str(number) for number in range(40)}
    # The node had work when it was killed: that was done once more.
    assert len(runs) > 40


@on_a_cluster
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("second")
def test_samples_graded_on_a_cluster_have_the_verdicts_of_this_machine(
    cluster: Any, tmp_path: Path
) -> None:
    dataset = small_dataset(tmp_path)
    rows = [
        {"task_id": name, "completion": f"{text}# {number}\n"}
        for name, right in RIGHT.items()
        for number in range(40)
        for text in (right, "    return None\n", "    import os; os._exit(0)\n")
    ]
    samples = write_rows(tmp_path / "samples.jsonl", rows)
    spec = GraderSpec(dataset.checksum)

    def outcomes(executor: Executor) -> dict[bytes, object]:
        with SampleFile(samples, dataset) as file, Results(None, {}) as results:
            summary = evaluate(file, dataset, results, executor)
            assert summary.graded == len(rows)
            return {one.key: results.outcomes(one.key) for one in file.samples}

    references = References(dataset.checksum, None)
    here = outcomes(LocalPool(lambda: Grader(references), 2))
    assert outcomes(CrewGrading(LocalCrew(2), spec)) == here
    assert outcomes(CrewGrading(RayCrew(cluster.address), spec)) == here


@on_a_cluster
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_work_raises_on_a_node_arrives_as_a_sentence(cluster: Any) -> None:
    with pytest.raises(CodeGradError, match=r"^number 7 is not in the file$"):
        list(RayCrew(cluster.address).results(chores.refuse, [7]))


@on_a_cluster
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_experiment_on_a_cluster_has_the_answers_of_this_machine(
    cluster: Any, tmp_path: Path
) -> None:
    rows = [
        {
            "name": f"largest{number}",
            "buggy": f"def largest{number}(items):\n    return min(items)\n",
            "correct": f"def largest{number}(items):\n    return max(items)\n",
            "cases": [[[[3, 9, 2]], 9], [[[-5, -1]], -1], [[[4]], 4]],
        }
        for number in range(4)
    ]
    data = write_rows(tmp_path / "quixbugs.jsonl", rows)
    ready = prepare(Asked("quixbugs", data=data))

    def answers(crew: Crew, name: str) -> list[tuple[object, ...]]:
        with Experiment(ready.plan, tmp_path / name) as experiment:
            experiment.solve(ready.jobs(tmp_path / name), crew)
            found = experiment.answers
        return [(a.key, a.source, a.verified, a.steps, a.sentence) for a in found]

    here = answers(LocalCrew(2), "here")
    assert all(verified for _, _, verified, _, _ in here)
    assert answers(RayCrew(cluster.address), "there") == here
