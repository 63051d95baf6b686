#!/usr/bin/env bash
# Deploys images of a commit to an App, from any CI system or by hand:
#
#   deploy.sh plan    web=IMAGE [worker=IMAGE ...]              a draft with these images, and what a promote of it would do, as Markdown
#   deploy.sh promote web=IMAGE [worker=IMAGE ...] [-- OPTIONS] a Release with these images goes live; OPTIONS are those of `rack env set`
#
# RACK and RACK_APP say where; where there is no right to look at the Rack's stack, RACK_BUCKET, RACK_ENVIRONMENT_KEY_ARN and, for the
# plan, RACK_PROMOTE_FUNCTION as well. A convox.yml in the working folder (MANIFEST: another) becomes the Release's own; without one,
# that of the live Release stays. The environment stays that of the live Release, and none of its values is printed.
#
# It ends as `rack` does: 0 done or live, 1 failed, 2 wrong use, 3 rolled back by ECS, 4 timed out (docs/rack.md).
set -euo pipefail

wrong_use() {
  echo "deploy.sh: $1" >&2
  exit 2
}

verb=${1:-}
[[ $verb == plan || $verb == promote ]] || wrong_use "plan or promote, then SERVICE=IMAGE for each Service that is built"
shift
[[ -n ${RACK:-} && -n ${RACK_APP:-} ]] || wrong_use "RACK and RACK_APP say which App"

what=()
while (($# > 0)) && [[ $1 != -- ]]; do
  [[ $1 == ?*=?* && $1 != -* ]] || wrong_use "an image is SERVICE=IMAGE"
  what+=(--image "$1")
  shift
done
if (($# > 0)); then
  shift # the --
fi
((${#what[@]} > 0)) || wrong_use "no image is named"
manifest=${MANIFEST:-convox.yml}
if [[ -f $manifest ]]; then
  what+=(--manifest "$manifest")
elif [[ -n ${MANIFEST:-} ]]; then
  wrong_use "there is no $MANIFEST"
fi

if [[ $verb == promote ]]; then
  # Refused where somebody promotes meanwhile, so that nobody's change is undone.
  exec rack env set "${what[@]}" --wait "$@"
fi

(($# == 0)) || wrong_use "a plan takes no options"
# The marker by which a later plan finds the comment of an earlier one.
echo "<!-- rack plan $RACK/$RACK_APP -->"
echo "### Plan for App \`$RACK_APP\` on Rack \`$RACK\`"
echo
if ! made=$(rack --json env set "${what[@]}" --no-promote); then
  echo "No draft could be made; the log has the reason."
  exit 1
fi
if ! [[ $made =~ \"release\":\ *\"([A-Za-z0-9]+)\" ]]; then
  echo "Nothing changes: images and convox.yml are those of the live Release."
  exit 0
fi
release=${BASH_REMATCH[1]}
code=0
planned=$(rack plan "$release") || code=$?
echo "Draft \`$release\`. Nothing of it is live."
echo
echo '````text'
# A comment has room for 65,536 characters.
printf '%s\n' "${planned:0:60000}"
echo '````'
((code == 0)) || echo "A promote would end with $code."
exit "$code"
