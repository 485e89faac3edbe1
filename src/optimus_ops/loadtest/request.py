"""What is asked for, and the plan that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import Refused
from optimus_ops.loadtest.engines.choose import ENGINES
from optimus_ops.loadtest.flags import PATH, LoadFlags, flag_profile, nearest
from optimus_ops.loadtest.model import SECONDS, LoadPlatform, Profile, RequestClass
from optimus_ops.loadtest.offered import check_bounds, scaled, stretched
from optimus_ops.loadtest.plan import LoadPlan
from optimus_ops.loadtest.profile_file import read_profile
from optimus_ops.loadtest.targets import given_target, stack_bases
from optimus_ops.project.settings import Project


@dataclass(frozen=True)
class LoadRequest:
    """What is asked for.

    Args:
        profile: name of one; "" for the load that the flags describe.
        target: URL that all requests go to; "" for the running stack.
        allowed: hosts that may be neither this machine nor in a private network.
        compare: paths of earlier runs' JSON documents.
        report: folder for the report; "" for none.
    """

    flags: LoadFlags
    profile: str = ""
    engine: str = "locust"
    workers: int = 1
    target: str = ""
    allowed: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    report: str = ""
    plan: bool = False


def plan_load(request: LoadRequest, project: Project, platform: LoadPlatform) -> LoadPlan:
    """Return the plan.

    Raises:
        Refused: there is no such engine, endpoint, profile or tenant, the load is too large, or the target not ours.
    """
    if request.engine not in ENGINES:
        raise Refused(f"--engine {request.engine}: no such engine", nearest(request.engine, ENGINES))
    profile = wanted_profile(request, project, platform)
    check_bounds(profile)
    paths = {PATH: request.flags.endpoint} if request.flags.endpoint.startswith("/") else {}
    bases = _bases(request, project, platform, profile)
    return LoadPlan(profile, request.engine, request.workers, bases, paths)


def wanted_profile(request: LoadRequest, project: Project, platform: LoadPlatform) -> Profile:
    """Return the named profile, stretched and scaled as flags say, or the load that they describe."""
    flags = request.flags
    if not request.profile:
        return flag_profile(flags, platform, flags.seconds or SECONDS)
    given = [("--users", flags.users), ("--endpoint", flags.endpoint), ("--tenant", flags.tenants)]
    if own := [name for name, value in given if value]:
        hint = "--duration stretches its times, --rate scales its rates"
        raise Refused(f"{own[0]} beside --profile: the profile says what is sent", hint)
    profile = read_profile(request.profile, platform, project.root)
    profile = stretched(profile, flags.seconds) if flags.seconds else profile
    return scaled(profile, flags.rate) if flags.rate else profile


def _bases(request: LoadRequest, project: Project, platform: LoadPlatform, profile: Profile) -> Mapping[str, str]:
    names = {flow.key.request_class for flow in profile.flows}
    if request.target:
        return dict.fromkeys(sorted(names), given_target(request.target, request.allowed))
    base = platform.path_class
    path = RequestClass(PATH, base.service, base.port, inside=base.inside)
    classes = [each for each in (*platform.classes, path) if each.name in names]
    return stack_bases(DockerEngine.connect().observe(project.name), project.balancer, classes)
