"""The command line's grammar: commands, options and their help. What they do is in `cli`."""

from __future__ import annotations

import argparse
from pathlib import Path

import harness
from harness.corpus_options import add_corpus_commands
from harness.endpoint_options import add_endpoint_options
from harness.export_options import add_export_commands
from harness.loop_options import add_loop_commands
from harness.report_options import add_report_commands
from harness.serve_options import add_serve_commands
from harness.shared_options import add_sandbox, whole
from harness.task_options import add_task_commands
from harness.train_options import add_chat_command, add_train_commands
from harness.trajectory_options import add_trajectory_commands


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="harness", description="Evaluate and train open models on TypeScript tasks in sandboxes.")
    parser.add_argument("--version", action="version", version=harness.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluate = commands.add_parser("eval", help="run a model on a suite and score it", description="Run a model on a suite and score it.")
    evaluate.set_defaults(command="eval")
    what = evaluate.add_argument_group("what to evaluate")
    words = "a server's URL, a model's name, or a built-in: oracle (default), noop; several URLs of one model are balanced"
    what.add_argument("--model", action="append", metavar="MODEL", help=words)
    what.add_argument("--base-url", metavar="URL", help="of the server; default: OPENAI_BASE_URL")
    what.add_argument("--suite", metavar="SUITE", help="a shipped suite's name or a directory (default: core)")
    what.add_argument("--split", metavar="NAME", help="only this split of the suite")
    what.add_argument("--tasks", metavar="PATTERN", nargs="+", help="only these tasks, such as 'wayfinder-*'")
    what.add_argument("--attempts", "-k", type=int, metavar="K", help="at each task (default: 1)")
    what.add_argument("--config", type=Path, metavar="FILE", help="a TOML with any of the settings; options go before it")
    how = evaluate.add_argument_group("sampling")
    how.add_argument("--temperature", type=float, metavar="T")
    how.add_argument("--top-p", type=float, metavar="P")
    how.add_argument("--max-tokens", type=int, metavar="N", help="of one answer (default: 4096)")
    how.add_argument("--seed", type=int, metavar="N", help="of the first attempt, the next get the next; every task draws from its own")
    how.add_argument("--extra-body", metavar="JSON", help="laid over every request")
    how.add_argument("--chat-template-kwargs", metavar="JSON")
    add_endpoint_options(evaluate.add_argument_group("how the model is spoken to"))
    limits = evaluate.add_argument_group("limits of one rollout")
    limits.add_argument("--max-turns", type=int, metavar="N", help="default: 50")
    limits.add_argument("--max-seconds", type=float, metavar="S", help="default: 1800")
    limits.add_argument("--max-output-tokens", type=int, metavar="N")
    limits.add_argument("--max-cost", type=float, metavar="C", help="by --price-input and --price-output, per million tokens")
    limits.add_argument("--price-input", type=float, metavar="C")
    limits.add_argument("--price-output", type=float, metavar="C")
    running = evaluate.add_argument_group("running")
    running.add_argument("--concurrency", "-n", type=int, metavar="N", help="rollouts at once (default: 4)")
    running.add_argument("--executor", choices=["here", "ray"], default="here", help="where rollouts are done (default: in this process)")
    running.add_argument("--ray-address", metavar="ADDRESS", help="of the cluster (default: this machine's)")
    add_sandbox(running)
    running.add_argument("--output", type=Path, metavar="DIR", help="the run directory (default: one below runs/, named by the settings)")
    running.add_argument("--fresh", action="store_true", help="a new run, though one of the same settings is there")
    running.add_argument("--report", action="store_true", help="pages of every turn in the run's directory, as `harness view` makes them")
    running.add_argument("--json", action="store_true", help="the summary as JSON on stdout")
    running.add_argument("--quiet", "-q", action="store_true", help="no progress")

    add_task_commands(commands)

    images = commands.add_parser("images", help="build and list the boxes' images").add_subparsers(required=True, metavar="COMMAND")
    build = images.add_parser("build", help="build an image, where it is not there yet")
    build.set_defaults(command="images build")
    build.add_argument("image", nargs="?", default="node24")
    add_sandbox(build)
    images.add_parser("list", help="the images and where they are built").set_defaults(command="images list")

    review = commands.add_parser("review", help="passes that an integrity finding flags, and your decision on them")
    review.set_defaults(command="review")
    review.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    review.add_argument("trial", nargs="?", metavar="INSTANCE[#ATTEMPT]", help="only this one")
    decision = review.add_mutually_exclusive_group()
    decision.add_argument("--clear", dest="decision", action="store_const", const="clear", help="it is a solution: count it")
    decision.add_argument("--confirm", dest="decision", action="store_const", const="confirm", help="it is none: it stays out")
    review.add_argument("--note", metavar="TEXT", help="why; kept with the decision")

    attacks = commands.add_parser("attacks", help="cheats through the grader: which it stops, and how")
    attacks.set_defaults(command="attacks", action="attacks")
    attacks.add_argument(
        "--case", default="*", metavar="GLOB", help="only these cheats, such as 'exit-*'; honest solutions are always tried"
    )
    attacks.add_argument("--mode", action="append", metavar="MODE", help="only this way of grading; may be given again (default: all)")
    attacks.add_argument("--cases", type=Path, metavar="DIR", help="an attack suite (default: tests/attacks of this checkout)")
    add_sandbox(attacks, "--backend")
    attacks.add_argument("--json", action="store_true")
    add_export_commands(commands)
    add_trajectory_commands(commands)
    add_corpus_commands(commands)
    add_report_commands(commands)
    add_train_commands(commands)
    add_chat_command(commands)
    add_serve_commands(commands)
    add_loop_commands(commands)

    commands.add_parser("gc", help="remove what dead runs left behind").set_defaults(command="gc")
    doctor = commands.add_parser("doctor", help="what this machine and an endpoint are ready for")
    doctor.set_defaults(command="doctor", action="doctor")
    doctor.add_argument("--model", metavar="MODEL")
    doctor.add_argument("--base-url", metavar="URL")
    doctor.add_argument("--config", help=argparse.SUPPRESS)
    doctor.add_argument("--profile", type=Path, metavar="FILE", help="write what the endpoint can do, for `harness eval --profile`")
    doctor.add_argument("--at-once", type=whole(1), default=32, metavar="N", help="the most requests at once that are tried (default: 32)")
    doctor.add_argument("--recipe", metavar="NAME", help="of the model's family (default: by the model's name)")
    doctor.add_argument("--json", action="store_true")
    return parser
