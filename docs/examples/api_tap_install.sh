# The tap of a data pipeline, unmodified. Of the libraries of 2018 that it asks for, three need Python 3.9 or older: it
# works with newer ones.
python3 -m venv tap
tap/bin/pip install --quiet --no-deps tap-logmeinrescue==0.0.10 tap-framework==0.0.5 singer-python==5.1.5 \
  backoff==1.3.2 jsonschema==2.6.0 pytz==2018.4 simplejson==3.11.1
tap/bin/pip install --quiet requests funcy python-dateutil 2> warnings.txt
