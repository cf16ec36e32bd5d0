#!/usr/bin/env bash
# Runs the shell steps of github-actions.yml as they stand, in a throw-away catalogue: the plan as a
# comment (twice: made, then updated), the approval, the nightly run. `gh` is a stand-in that keeps
# comments in a file. Needs python3 with PyYAML, jq and git; says so where one is missing.
set -euo pipefail
kinora=$(realpath "${1:?usage: check.sh PROGRAM}")
here=$(cd "$(dirname "$0")" && pwd)
for tool in jq git python3; do
    command -v "$tool" >/dev/null || { echo "check: $tool is missing" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/checkout"
ln -s "$kinora" "$work/bin/kinora"
cat >"$work/bin/gh" <<'GH'
#!/usr/bin/env bash
# What the workflow asks of `gh api`, kept in $COMMENTS (one comment).
set -eu
case "$*" in
    *--jq*) if [ -s "$COMMENTS" ] && grep -q '^<!-- kinora:plan ' "$COMMENTS"; then echo 7; fi ;;
    *"PATCH repos/shop/shop/issues/comments/7"*) cp comment.md "$COMMENTS"; echo updated >>"$COMMENTS.log" ;;
    *"POST repos/shop/shop/issues/3/comments"*) cp comment.md "$COMMENTS"; echo made >>"$COMMENTS.log" ;;
    *) echo "gh: not known: $*" >&2; exit 1 ;;
esac
GH
chmod +x "$work/bin/gh"
export PATH="$work/bin:$PATH" COMMENTS="$work/comments"

# The catalogue, as a repository that the runner's folder follows.
cp "$here/../minimal/mug.jpg" "$work/checkout"
{
    cat "$here/../minimal/kinora.yaml"
    printf 'defaults: {duration: 0.5, resolution: 240p, fps: 12}\nunattended: {approve: {max_total: 0, max_jobs: 1}}\n'
} >"$work/checkout/kinora.yaml"
git -C "$work/checkout" init -q -b main
git -C "$work/checkout" add . && git -C "$work/checkout" -c user.name=check -c user.email=check@localhost commit -qm catalogue
git clone -q "$work/checkout" "$work/shop"
export SHOP="$work/shop"

step() { # $1: job, $2: step's name; runs it as Actions does
    python3 - "$here/github-actions.yml" "$1" "$2" >"$work/step.sh" <<'PY'
import sys, yaml
file, job, name = sys.argv[1:]
steps = yaml.safe_load(open(file))["jobs"][job]["steps"]
print(next(step["run"] for step in steps if step.get("name") == name))
PY
    echo "== $1: $2"
    (cd "$work/checkout" && bash --noprofile --norc -eo pipefail "$work/step.sh")
}

export REPOSITORY=shop/shop NUMBER=3 BY=ada CEILING=1 NOTE=
step plan "Plan against a copy of the ledger"
step plan "Comment, or update the comment"
step approve "Approve the plan as it stands"
step run "Make what may be made"
step plan "Plan against a copy of the ledger"
step plan "Comment, or update the comment"
[ "$(tr '\n' ' ' <"$COMMENTS.log")" = "made updated " ] || { echo "check: comments: $(cat "$COMMENTS.log")" >&2; exit 1; }
[ "$(find "$SHOP/clips" -name '*.mp4' | wc -l)" = 1 ] || { echo "check: no clip" >&2; exit 1; }
grep -qi 'nothing to do' "$COMMENTS" || { echo "check: the second comment: $(cat "$COMMENTS")" >&2; exit 1; }

echo "== run: a plan that needs a person"
sed -i 's/max_jobs: 1/max_jobs: 0/; s/turns slowly/turns quickly/' "$work/checkout/kinora.yaml"
git -C "$work/checkout" -c user.name=check -c user.email=check@localhost commit -qam "another prompt"
code=0
step run "Make what may be made" >"$work/said" || code=$?
cat "$work/said"
[ "$code" = 4 ] && grep -q '::error title=Kinora needs a person (4)::' "$work/said" || { echo "check: exit $code" >&2; exit 1; }
echo "check: all steps did what they say"
