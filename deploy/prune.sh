#!/bin/sh
# Removes from a virtual environment what the dashboard never loads: tests, headers and notebooks
# of its libraries, pyarrow's network services, and OpenVINO's plugins for other processors.
set -eu
cd "$1"/lib/python3*/site-packages
for package in pandas pyarrow scipy sklearn networkx pywt; do
    if [ -d $package ]; then find $package -type d -name tests -prune -exec rm -rf {} +; fi
done
rm -rf pyarrow/include tensorflow/include openvino/include pydeck/nbextension plotly/labextension
rm -f pyarrow/*flight* pyarrow/*s3*
rm -f openvino/libs/libopenvino_intel_gpu_plugin.so openvino/libs/libopenvino_intel_npu_plugin.so \
    openvino/libs/cache.json
