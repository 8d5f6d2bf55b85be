"""Many files at once, on this machine's cores or on many machines, by Dask.

inputs.py finds the files; manifest.py knows what is done; plan.py tells what is left; cluster.py starts the workers or
finds them; style.py brings them the style; task.py is what a worker does with a file, in a folder of scratch.py;
tries.py hands the files out and tries again what fails; progress.py and report.py tell of it.
"""
