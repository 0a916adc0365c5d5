#!/bin/sh
# What a release consists of, into dist/ or the folder that is given: the Python package, checked, and
# the Sqitch project.
set -eu

dist=${1:-dist}
version=$(.venv/bin/python -c 'import skill_messages; print(skill_messages.__version__)')
name=skill-messages-$version-sqitch

rm -rf "$dist"
.venv/bin/python -m build --outdir "$dist" python
.venv/bin/twine check --strict "$dist"/*

# A bundle has the scripts of the plan and nothing else: neither what psql users need nor the tests.
sqitch --quiet bundle --dest-dir "$dist/$name"
mkdir "$dist/$name/tests"
cp -R sql LICENSE README.md "$dist/$name"
cp -R tests/pgtap "$dist/$name/tests"
tar -C "$dist" -czf "$dist/$name.tar.gz" "$name"
rm -r "${dist:?}/$name"
